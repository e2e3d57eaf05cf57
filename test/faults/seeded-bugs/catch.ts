import { spawn } from 'node:child_process';
import path from 'node:path';
import { NODE_FLAGS, PLANT } from '../programs.ts';
import type { Violation } from '../invariants.ts';
import type { SystemStage } from '../system/stage.ts';
import type { SeededBug } from './bugs.ts';

const MAX_PLAYS = 3;
const PLAY = path.join(import.meta.dirname, '../play-agent.ts');

/** What came of a bug: the promises that the checker saw broken. It is caught if the one that it breaks is among them. */
export interface Catch {
  bug: string;
  breaks: string;
  scenario: string;
  isCaught: boolean;
  violations: Violation[];
  error?: string;
}

/**
 * Plays the scenario of an agent's bug in a separate process. A bug that no longer applies, or a scenario that fails, is not caught and has
 * an error.
 */
export async function catchInAgent({ name, breaks, scenario }: SeededBug): Promise<Catch> {
  const { output, errors, code } = await run([...NODE_FLAGS, '--import', PLANT, PLAY, scenario], { CTFLEET_SEEDED_BUG: name });
  const found = code === 0 ? (JSON.parse(output) as { violations: Violation[] }).violations : [];
  return {
    bug: name,
    breaks,
    scenario,
    isCaught: found.some(({ invariant }) => invariant === breaks),
    violations: found,
    ...(code !== 0 && { error: errors.trim() || `ended with ${code}` }),
  };
}

/** The same for a controller's bug, in the given system. Whether a race is lost is chance: what was not caught is played again. */
export async function catchInSystem(stage: SystemStage, bug: SeededBug): Promise<Catch> {
  let found = await playBug(stage, bug);
  for (let plays = 1; !found.isCaught && plays < MAX_PLAYS; plays++) found = await playBug(stage, bug);
  return found;
}

async function playBug(stage: SystemStage, { name, breaks, scenario }: SeededBug): Promise<Catch> {
  try {
    const violations = await stage.play(scenario, name);
    return { bug: name, breaks, scenario, isCaught: violations.some(({ invariant }) => invariant === breaks), violations };
  } catch (error) {
    return { bug: name, breaks, scenario, isCaught: false, violations: [], error: (error as Error).message };
  }
}

/** What the agent's scenarios break when no bug is planted: nothing, or the checker or the product is wrong. Throws if one fails. */
export async function playSound(): Promise<Violation[]> {
  const { output, errors, code } = await run([...NODE_FLAGS, PLAY], {});
  if (code !== 0) throw new Error(`the agent's scenarios failed: ${errors}`);
  return output
    .trimEnd()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { violations: Violation[] }).violations);
}

function run(args: string[], env: Record<string, string>): Promise<{ output: string; errors: string; code: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ output, errors, code }));
  });
}
