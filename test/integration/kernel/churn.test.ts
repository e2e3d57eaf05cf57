import { describe, expect, test } from 'vitest';
import { churnRounds } from '../../support/churn-rounds.ts';
import { Namespace } from '../../support/namespace.ts';
import { IS_WHOLE } from '../../support/whole.ts';

const why = Namespace.why();

describe.skipIf(why !== undefined)(`plans under churn${why ? ` (skipped: ${why})` : ''}`, () => {
  // For all 200 rounds: npm run bench -- churn
  test(
    'end what was planned, and no flow that was born since, even with the same tuple; nor what is protected',
    { timeout: 240_000 },
    async () => {
      const rounds = IS_WHOLE ? 25 : 10;
      const report = await churnRounds({ prefix: 'ctg', rounds, rate: 10_000 });
      expect(report.sparedTwins).toBe(10 * rounds);
      expect(report.sparedStrangers).toBeGreaterThan(rounds);
      expect(report.deleted).toBeGreaterThan(10 * rounds);
      expect(report.gone).toBeGreaterThanOrEqual(10 * rounds);
      expect(report.sparedProtected).toBe(50 * rounds);
      expect(report.deleted + report.gone + report.sparedProtected).toBe(report.planned);
    },
  );
});
