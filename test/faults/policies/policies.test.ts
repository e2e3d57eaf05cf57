import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { Namespace } from '../../support/namespace.ts';
import { arbitraryTrial } from './arbitrary-trial.ts';
import { playTrial, type Played } from './play-trial.ts';

const why = Namespace.why();
const TRIALS = 200;
/** Most of their time is waiting for a deadline. */
const AT_ONCE = 4;

describe.skipIf(why !== undefined)(`random policies on real gateways${why ? ` (skipped: ${why})` : ''}`, () => {
  const played: Played[] = [];

  beforeAll(() => {
    process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, '../../../.ctfleet/compile-cache');
  });

  test('are kept if they were confirmed, and else gone by their deadline without a trace, whoever dies', { timeout: 900_000 }, async () => {
    const waiting = fc.sample(arbitraryTrial, { numRuns: TRIALS, seed: 11 }).entries();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const [number, trial] of waiting) {
          const one = await playTrial(trial, 'ctp-slice');
          played.push(one);
          expect({ number, trial, broken: one.broken }).toEqual({ number, trial, broken: [] });
        }
      }),
    );
  });

  test('were really set, kept, taken back and interrupted', () => {
    expect(played).toHaveLength(TRIALS);
    for (const is of [
      ({ outcome }: Played) => outcome === 'kept',
      ({ outcome, wasCut }: Played) => outcome === 'as before' && wasCut,
      ({ wasKilled }: Played) => wasKilled,
    ])
      expect(played.filter(is).length).toBeGreaterThan(1);
  });
});
