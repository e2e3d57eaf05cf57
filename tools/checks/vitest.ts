import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { STATE } from '../set-up.ts';
import { runTool } from './run.ts';

export interface Counts { passed: number; failed: number; skipped: number }

/** Runs projects of vitest.config.ts and counts from the report it leaves; a run without a report counts as one failure. */
export async function runProjects(projects: string[], args: string[] = [], env: Record<string, string> = {}): Promise<Counts> {
  const report = path.join(STATE, 'test', `${projects.join('-')}.json`);
  mkdirSync(path.dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const isGood = await runTool('vitest', [
    'run', ...projects.flatMap((name) => ['--project', name]), '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args,
  ], env);
  try {
    const found = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number; numFailedTestSuites: number };
    const failed = Math.max(found.numFailedTests, isGood ? 0 : 1);
    return { passed: found.numPassedTests, failed, skipped: found.numPendingTests + found.numTodoTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

