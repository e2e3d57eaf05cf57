import { defineConfig } from 'vitest/config';

const isolatedByFile = { pool: 'forks' as const, testTimeout: 30_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    // Most of them wait for a database, a kernel or a clock: one more than there are cores in CI.
    maxWorkers: 3,
    projects: [
      { test: { ...isolatedByFile, name: 'unit', include: ['{proto,client,agent,controller,web,cli,tools}/**/*.test.ts'], exclude: ['**/node_modules/**', 'build/**', 'web/.next/**'] } },
      { test: { ...isolatedByFile, name: 'contract', include: ['test/contract/**/*.test.ts'] } },
      { test: { ...isolatedByFile, name: 'integration', include: ['test/integration/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { ...isolatedByFile, name: 'field', include: ['test/field/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { ...isolatedByFile, name: 'attacks', include: ['test/attacks/**/*.test.ts'], testTimeout: 90_000 } },
      // A browser, a console and what plays the controller need more than one core.
      { test: { ...isolatedByFile, name: 'browser', maxWorkers: 2, include: ['test/browser/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { ...isolatedByFile, name: 'fleet', include: ['test/fleet/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 180_000, fileParallelism: false } },
      { test: { ...isolatedByFile, name: 'faults', include: ['test/faults/**/*.test.ts'], testTimeout: 180_000, fileParallelism: false } },
    ],
  },
});
