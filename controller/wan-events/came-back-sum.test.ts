import { expect, it } from 'vitest';
import type { CameBack } from '../../proto/http/wan-events.ts';
import { sumOfCameBack } from './came-back-sum.ts';

const kinds = (calls: number) => ({ calls, udp: 0, tcp: 0, vpn: 0, other: 0 });
const one = (over: Partial<CameBack>): CameBack => ({
  since: '2026-12-01T02:00:00.000Z',
  watchedAt: '2026-12-01T02:01:00.000Z',
  isFinal: true,
  ended: kinds(4),
  back: kinds(3),
  answered: kinds(2),
  byWan: { wan2: 3 },
  missed: [],
  notWatched: 0,
  ...over,
});

it('what became of flows on several gateways is one figure, final once all are', () => {
  expect(sumOfCameBack([])).toBeUndefined();
  const sum = sumOfCameBack([
    one({}),
    one({ isFinal: false, since: '2026-12-01T01:59:00.000Z', byWan: { wan2: 1, lte: 2 }, notWatched: 5 }),
  ]);
  expect(sum).toMatchObject({
    since: '2026-12-01T01:59:00.000Z',
    isFinal: false,
    ended: { calls: 8 },
    back: { calls: 6 },
    answered: { calls: 4 },
    byWan: { wan2: 4, lte: 2 },
    notWatched: 5,
  });
});
