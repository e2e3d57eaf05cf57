import { describe, expect, it } from 'vitest';
import type { PolicyDrift, PolicyState } from '../../proto/gen/ctfleet/v1/policy.ts';
import { reportedFrom } from './reported.ts';

const NOW_MS = Date.parse('2026-11-30T03:00:00Z');
const drift = (path: string, more: Partial<PolicyDrift> = {}): PolicyDrift => ({
  path,
  wanted: '1h',
  actual: '2h',
  sinceMs: BigInt(NOW_MS),
  process: '',
  isSetAgain: false,
  isIgnored: false,
  ...more,
});
const told = (more: Partial<PolicyState> = {}): PolicyState => ({
  inForce: { changeId: 'c', policy: 'p', documentSha256: 'a'.repeat(64), commandId: '', sinceMs: BigInt(NOW_MS) },
  pending: undefined,
  drift: [],
  driftLeft: 0,
  unknown: '',
  ...more,
});

describe('what an agent tells of its policy', () => {
  it('is kept as it is where it is what an agent tells', () => {
    const id = '01900000-0000-7000-8000-000000000001';
    const inForce = { ...told().inForce!, commandId: id };
    expect(reportedFrom(told({ inForce, drift: [drift('table.max', { wanted: '' })] }), NOW_MS)).toEqual({
      state: {
        changeId: 'c',
        policy: 'p',
        digest: 'a'.repeat(64),
        commandId: id,
        since: new Date(NOW_MS),
        pendingPolicy: null,
        pendingCommandId: null,
        pendingUntil: null,
        driftLeft: 0,
        unknown: null,
      },
      drift: [{ path: 'table.max', wanted: null, actual: '2h', since: new Date(NOW_MS), process: null, state: 'open' }],
      isWhole: true,
    });
  });

  it('is cut, cleaned of what controls a terminal, and left out where its time is impossible', () => {
    const hostile = '\u001b[2J\u0000\u202e' + 'x'.repeat(5000);
    const { state, drift: kept } = reportedFrom(
      told({
        inForce: { changeId: hostile, policy: hostile, documentSha256: hostile, commandId: hostile, sinceMs: BigInt(NOW_MS) },
        pending: { changeId: 'c', policy: 'p', commandId: '', untilMs: 2n ** 63n, isInForce: true },
        drift: [drift(hostile, { wanted: hostile, actual: hostile, process: hostile }), drift('when?', { sinceMs: 1n }), drift('')],
        unknown: hostile,
        driftLeft: 4_000_000_000,
      }),
      NOW_MS,
    );
    const text = JSON.stringify([state, kept]);
    expect(text).not.toMatch(/\\u001b|\\u0000|\u202e/);
    expect([state.digest, state.commandId, state.pendingUntil, state.driftLeft]).toEqual([null, null, null, 0x7fff_ffff]);
    expect([kept.length, kept[0]!.path.length, kept[0]!.actual!.length]).toEqual([1, 200, 1000]);
  });

  it('is of each value what is now and what is over, of three hundred at most', () => {
    const many = Array.from({ length: 400 }, (_, n) => drift(`rules.${n}`));
    const whole = reportedFrom(told({ drift: many }), NOW_MS);
    expect([whole.drift.length, whole.state.driftLeft, whole.isWhole]).toEqual([300, 100, false]);
    const twice = [drift('a'), drift('a', { actual: '3h' }), drift('a', { isSetAgain: true }), drift('a', { isSetAgain: true })];
    expect(reportedFrom(told({ drift: twice }), NOW_MS).drift.map(({ actual, state }) => [actual, state])).toEqual([
      ['3h', 'open'],
      ['2h', 'over'],
    ]);
  });

  it('has no drift where nothing is in force', () => {
    expect(reportedFrom(told({ inForce: undefined, drift: [drift('a')] }), NOW_MS).drift).toEqual([]);
  });

  it('did not begin to differ later than now', () => {
    const [one] = reportedFrom(told({ drift: [drift('a', { sinceMs: BigInt(NOW_MS + 60_000) })] }), NOW_MS).drift;
    expect(one!.since).toEqual(new Date(NOW_MS));
  });
});
