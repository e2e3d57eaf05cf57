import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Violation } from '../invariants.ts';
import type { SeededBug } from './bugs.ts';

/** Node runs TypeScript with enums only when it is told to. */
export const NODE_FLAGS = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
export const PLANT = path.join(import.meta.dirname, 'plant.ts');
const PLAY = path.join(import.meta.dirname, '../play-agent.ts');

/** What came of a bug: the promises that the checker saw broken. It is caught if the one that it breaks is among them. */
export interface Catch { bug: string; breaks: string; scenario: string; isCaught: boolean; violations: Violation[]; error?: string }

/** Plays the bug's scenario with the bug planted. A bug that no longer applies, or a scenario that fails, is not caught and has an error. */
export async function tryToCatch({ name, breaks, scenario }: SeededBug): Promise<Catch> {
  const { output, errors, code } = await run([...NODE_FLAGS, '--import', PLANT, PLAY, scenario], { CTFLEET_SEEDED_BUG: name });
  const found = code === 0 ? (JSON.parse(output) as { violations: Violation[] }).violations : [];
  return { bug: name, breaks, scenario, isCaught: found.some(({ invariant }) => invariant === breaks), violations: found, ...(code !== 0 && { error: errors.trim() || `ended with ${code}` }) };
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
