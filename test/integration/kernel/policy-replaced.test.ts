import { expect, test } from 'vitest';
import { Namespace } from '../../support/namespace.ts';
import { PolicyTrial } from '../../support/policy-trial.ts';
import { replacedUnderFlood } from '../../support/replaced-under-flood.ts';

const why = Namespace.why();

/** A slice of `npm run bench -- policy-flood`. */
test.skipIf(why !== undefined)(
  `no packet of a flood meets a moment without rules while they are replaced${why ? ` (skipped: ${why})` : ''}`,
  async () => {
    const trial = new PolicyTrial('ctw-flood');
    try {
      const { counts, without, sent } = await replacedUnderFlood(trial, { times: 50, rate: 100_000 });
      expect(sent).toBeGreaterThan(10_000);
      expect(counts).toEqual({ arrived: expect.any(Number), midstream: 0, tracked: 0, unlimited: 0 });
      expect(counts.arrived).toBeGreaterThan(5000);
      expect(without).toEqual({ arrived: 3, midstream: 1, tracked: 1, unlimited: 1 });
    } finally {
      await trial.end();
    }
  },
);
