import { describe, expect, it } from 'vitest';
import { Outcome } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { outcomeAfterLooking, toRuns } from './outcomes.ts';

const trunk = (id: number, external: string, port: number): Flow => ({
  id,
  family: 4,
  proto: 17,
  zone: 0,
  status: 0x1e,
  mark: 0,
  labels: [],
  orig: { src: '10.1.1.1', dst: '198.51.100.10', sport: 5060, dport: 5060 },
  reply: { src: '198.51.100.10', dst: external, sport: 5060, dport: port },
});
const deleted = trunk(1, '198.18.0.12', 5060);

describe('verifying a delete', () => {
  it('finds nothing: deleted', () => expect(outcomeAfterLooking(deleted, undefined)).toBe(Outcome.OUTCOME_DELETED));
  it('finds the trunk on the other WAN: rebuilt, as intended by a failover', () =>
    expect(outcomeAfterLooking(deleted, trunk(2, '198.19.0.12', 5060))).toBe(Outcome.OUTCOME_REBUILT));
  it('finds a new entry with the same address, even on another port: reappeared', () =>
    expect(outcomeAfterLooking(deleted, trunk(2, '198.18.0.12', 40_001))).toBe(Outcome.OUTCOME_REAPPEARED));
  it('finds the same entry: the delete failed', () =>
    expect(outcomeAfterLooking(deleted, trunk(1, '198.18.0.12', 5060))).toBe(Outcome.OUTCOME_FAILED));
  it('finds an entry with the same id that began later: reappeared, as ids are reused', () => {
    const later = { ...trunk(1, '198.18.0.12', 5060), startedAtMs: 2000 };
    expect(outcomeAfterLooking({ ...deleted, startedAtMs: 1000 }, later)).toBe(Outcome.OUTCOME_REAPPEARED);
    expect(outcomeAfterLooking(deleted, later)).toBe(Outcome.OUTCOME_FAILED);
  });
});

describe('outcomes in the plan’s order', () => {
  it('are one run where all are the same', () => {
    const { OUTCOME_DELETED, OUTCOME_GONE } = Outcome;
    expect(toRuns([OUTCOME_DELETED, OUTCOME_DELETED, OUTCOME_GONE, OUTCOME_DELETED])).toEqual([
      { outcome: OUTCOME_DELETED, count: 2 },
      { outcome: OUTCOME_GONE, count: 1 },
      { outcome: OUTCOME_DELETED, count: 1 },
    ]);
    expect(toRuns([])).toEqual([]);
  });
});
