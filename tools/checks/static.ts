import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../set-up.ts';
import { runTool } from './run.ts';

/** What `npm run format` rewrites; see .oxfmtrc.json. */
export const FORMATTED = ['**/*.{ts,tsx,mjs}'];

/** Types of every part, the linter, and the contract's own rules. Each is one check; returns the names of those that failed. */
export async function staticChecks(): Promise<{ passed: number; failed: string[] }> {
  const failed: string[] = [];
  const checks: [string, () => Promise<boolean>][] = [
    ['types of proto, agent and controller', () => runTool('tsc', ['-b'])],
    ['types of tools and tests', () => runTool('tsc', ['-p', 'tools'])],
    ['types of the console and its tests', () => runTool('tsc', ['-p', 'web/tsconfig.test.json', '--noEmit'])],
    ['lint', () => runTool('oxlint', ['--quiet', '--deny-warnings'])],
    ['format', () => runTool('oxfmt', ['--check', ...FORMATTED])],
    ['contract', () => runTool('buf', ['lint', 'proto'])],
    ...released().map((image): [string, () => Promise<boolean>] => [
      `contract against ${image}`,
      () => runTool('buf', ['breaking', 'proto', '--against', path.join('proto/released', image)]),
    ]),
  ];
  for (const [name, check] of checks) if (!(await check())) failed.push(name);
  return { passed: checks.length - failed.length, failed };
}

/** Contracts of releases whose agents or controllers may still be in use. */
function released(): string[] {
  return readdirSync(path.join(ROOT, 'proto/released')).filter((name) => name.endsWith('.binpb'));
}
