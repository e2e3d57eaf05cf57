import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT, STATE } from '../set-up.ts';
import { runTool, type RunSettings } from './run.ts';

/** `failures` has the file, the test and the first lines of the reason for each failure; skipped tests share one line. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
}

interface Report {
  numPassedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: FileResult[];
}
interface FileResult {
  name: string;
  status: string;
  message: string;
  assertionResults: TestResult[];
}
interface TestResult {
  fullName: string;
  status: string;
  failureMessages: string[];
}

const LINES_OF_WHY = 6;

/**
 * Runs projects of vitest.config.ts and counts from its report; a run without a report counts as one failure. The same programs start
 * hundreds of times, so V8's compile cache is kept.
 */
export async function runProjects(projects: string[], args: string[] = [], settings: RunSettings = {}): Promise<Counts> {
  const report = path.join(STATE, 'test', `${projects.join('-')}.json`);
  mkdirSync(path.dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const isGood = await runTool(
    'vitest',
    [
      'run',
      ...projects.flatMap((name) => ['--project', name]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    { ...settings, env: { NODE_COMPILE_CACHE: path.join(STATE, 'compile-cache'), ...settings.env } },
  );
  try {
    const found = JSON.parse(readFileSync(report, 'utf8')) as Report;
    const failures = found.testResults.flatMap(failuresOf);
    if (failures.length === 0 && !isGood) failures.push(`${projects.join(', ')}: vitest failed without naming a test`);
    const skipped = found.numPendingTests + found.numTodoTests;
    return { passed: found.numPassedTests, failed: failures.length, skipped, failures };
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: [`${projects.join(', ')}: vitest left no report`] };
  }
}

/** A file that failed outside its tests, such as one that does not load, is one failure. */
function failuresOf({ name, status, message, assertionResults }: FileResult): string[] {
  const file = path.relative(ROOT, name);
  const failed = assertionResults.filter((test) => test.status === 'failed');
  const told = failed.map(({ fullName, failureMessages }) => `${file}: ${fullName}\n${beginning(failureMessages.join('\n'))}`);
  if (told.length > 0) return told;
  return status === 'failed' ? [`${file}\n${beginning(message)}`] : [];
}

function beginning(text: string): string {
  return text
    .split('\n')
    .slice(0, LINES_OF_WHY)
    .map((line) => `    ${line}`)
    .join('\n');
}
