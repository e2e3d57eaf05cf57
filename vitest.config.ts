import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tools/checks/longest-first.ts';

/**
 * The times are for what hangs: a machine that does much else takes many times as long as a quiet one. A failure quotes what it found, since
 * of a run in CI little else is kept.
 */
const isolatedByFile = {
  pool: 'forks' as const,
  testTimeout: 120_000,
  hookTimeout: 180_000,
  chaiConfig: { truncateThreshold: 1000 },
};
/** Each of them starts controllers: what one test file has loaded serves the next, and a database costs less than a server. */
const ofControllers = { ...isolatedByFile, isolate: false, globalSetup: 'test/support/shared-postgres.ts' };
/** They compute for minutes and count no seconds. */
const CODEC = 'agent/conntrack/wire/fuzz.test.ts';
const FUZZ = 'test/attacks/fuzz.test.ts';
const AXE = 'test/browser/axe.test.ts';
/** Whole stories that count seconds, or need what others may take, such as a port that was just let go. */
const ALONE = ['journeys', 'wan-failover', 'remediations', 'fleet-basics', 'start'].map((name) => `test/fleet/${name}.test.ts`);

export default defineConfig({
  test: {
    // Most of them wait for a database, a kernel or a clock: one more than there are cores in CI.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      // Of pure files: what one test file has loaded serves the next.
      {
        test: {
          ...isolatedByFile,
          name: 'unit',
          isolate: false,
          include: ['{proto,client,agent,controller,web,cli,tools}/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'build/**', 'web/.next/**', CODEC],
        },
      },
      { test: { ...isolatedByFile, name: 'codec', include: [CODEC] } },
      { test: { ...isolatedByFile, name: 'fuzz', include: [FUZZ] } },
      { test: { ...isolatedByFile, name: 'contract', include: ['test/contract/**/*.test.ts'] } },
      { test: { ...ofControllers, name: 'controller', include: ['test/integration/controller/**/*.test.ts'] } },
      { test: { ...isolatedByFile, name: 'kernel', include: ['test/integration/kernel/**/*.test.ts'] } },
      { test: { ...isolatedByFile, name: 'field', include: ['test/field/**/*.test.ts'] } },
      { test: { ...ofControllers, name: 'attacks', include: ['test/attacks/**/*.test.ts'], exclude: [FUZZ] } },
      { test: { ...isolatedByFile, name: 'browser', include: ['test/browser/**/*.test.ts'], exclude: [AXE] } },
      { test: { ...isolatedByFile, name: 'axe', include: [AXE] } },
      { test: { ...isolatedByFile, name: 'faults', include: ['test/faults/**/*.test.ts'], testTimeout: 180_000 } },
      { test: { ...isolatedByFile, name: 'fleet', include: ['test/fleet/**/*.test.ts'], exclude: ALONE, testTimeout: 300_000 } },
      { test: { ...isolatedByFile, name: 'alone', include: ALONE, testTimeout: 300_000, fileParallelism: false } },
    ],
  },
});
