import { describe, expect, test } from 'vitest';
import { rolloutTargetState, type PolicyRollout, type RolloutTarget } from '../../proto/http/policy-rollouts.ts';
import {
  countdownWords,
  inRolloutOrder,
  rolloutSegments,
  rolloutSentence,
  rolloutTrouble,
  ROLLOUT_TARGETS,
  withinWords,
  withRolloutEvent,
} from './policy-rollout-words.ts';

const NOW = Date.parse('2026-11-30T09:00:00Z');
const target = (state: RolloutTarget['state'], name: string, over: Partial<RolloutTarget> = {}): RolloutTarget => ({
  gatewayId: name,
  gatewayName: name,
  tenantId: 't',
  state,
  wave: 1,
  changes: 2,
  ...over,
});
const rollout = (over: Partial<PolicyRollout>): PolicyRollout => ({
  id: 'r',
  planId: 'p',
  kind: 'apply',
  policyName: 'base',
  policyRevision: 3,
  state: 'running',
  digest: 'd',
  reason: 'why',
  withinSeconds: 120,
  createdBy: 'ann',
  createdAt: '2026-11-30T09:00:00Z',
  needsSignature: false,
  notAfter: '2026-11-30T10:00:00Z',
  tenants: [],
  wave: 1,
  waves: 1,
  totals: {},
  targets: [],
  isUndoable: false,
  ...over,
});

describe('a roll-out', () => {
  test('says in one line what is in force on how many gateways', () => {
    const totals = { confirmed: 3, restored: 1, waiting: 8 };
    expect(rolloutSentence(rollout({ totals }))).toBe('“base” in force on 3 of 12 gateways so far');
    expect(rolloutSentence(rollout({ totals, state: 'stopped' }))).toBe('Held back: “base” in force on 3 of 12 gateways');
    expect(rolloutSentence(rollout({ totals: { confirmed: 1 }, state: 'confirmed' }))).toBe('“base” in force on 1 of 1 gateway, confirmed');
    expect(rolloutSentence(rollout({ totals, kind: 'undo', state: 'partial' }))).toBe('Partial: “base” taken back on 3 of 12 gateways');
    expect(rolloutSentence(rollout({ totals, state: 'awaiting-approval' }))).toBe('“base” for 12 gateways awaits approval');
    expect(rolloutSentence(rollout({ totals, kind: 'undo', state: 'awaiting-approval' }))).toBe(
      'Taking back “base” on 12 gateways awaits approval',
    );
  });

  test('names its trouble, the rule that held it back first, and none where there is none', () => {
    const totals = { confirmed: 2, restored: 1, offline: 2, skipped: 9 };
    expect(rolloutTrouble(rollout({ totals, stopReason: 'a tenth of a wave was put back.' }))).toBe(
      'a tenth of a wave was put back; 1 gateway put it back by itself; 2 gateways are offline; 9 gateways were held back.',
    );
    expect(rolloutTrouble(rollout({ totals: { confirmed: 5, waiting: 2 } }))).toBeUndefined();
  });

  test('has a part of the bar for every state that there is, confirmed first', () => {
    expect(rolloutSegments(rollout({ totals: { waiting: 2, confirmed: 1, failed: 1 } }))).toEqual([
      { name: 'confirmed', gateways: 1, tone: 'green' },
      { name: 'failed', gateways: 1, tone: 'red' },
      { name: 'waiting', gateways: 2, tone: 'waiting' },
    ]);
    const each = Object.fromEntries(rolloutTargetState.options.map((state) => [state, 1]));
    expect(rolloutSegments(rollout({ totals: each }))).toHaveLength(rolloutTargetState.options.length);
  });
});

describe('the part of a gateway', () => {
  test('stands by its trouble, and only what is confirmed is green', () => {
    const all = rolloutTargetState.options.map((state) => target(state, state));
    expect(inRolloutOrder(all).map(({ state }) => state)).toEqual(Object.keys(ROLLOUT_TARGETS));
    expect(Object.entries(ROLLOUT_TARGETS).filter(([, { tone, kind }]) => tone === 'green' || kind === 'ok')).toEqual([
      ['confirmed', expect.anything()],
    ]);
  });

  test('stands by its wave and name among those of one state', () => {
    const all = [target('waiting', 'b', { wave: 2 }), target('waiting', 'c'), target('waiting', 'a', { wave: 2 })];
    expect(inRolloutOrder(all).map(({ gatewayName }) => gatewayName)).toEqual(['c', 'a', 'b']);
  });

  test('counts down to the second while it waits to be confirmed, and in no other state', () => {
    const words = (over: Partial<RolloutTarget>) => countdownWords(target('confirming', 'a', over), NOW);
    expect(words({ until: '2026-11-30T09:01:12Z' })).toBe('put back in 1 min 12 s unless confirmed');
    expect(words({ until: '2026-11-30T09:00:09Z' })).toBe('put back in 9 s unless confirmed');
    expect(words({ until: '2026-11-30T09:02:00Z' })).toBe('put back in 2 min unless confirmed');
    expect(words({ until: '2026-11-30T08:59:00Z' })).toBe('being put back, unless it was heard in time');
    expect(words({ until: '2026-11-30T09:01:12Z', state: 'confirmed' })).toBeUndefined();
    expect(withinWords(120)).toBe('Each gateway puts it back by itself unless it is heard again within 2 min.');
  });

  test('is taken from the stream, with totals, state and wave of the whole', () => {
    const before = rollout({ targets: [target('waiting', 'a'), target('waiting', 'b')], totals: { waiting: 2 } });
    const event = { kind: 'target', rolloutId: 'r', target: target('confirmed', 'b'), totals: { waiting: 1, confirmed: 1 } } as const;
    const after = withRolloutEvent(before, { ...event, state: 'running', wave: 2 });
    expect(after).toMatchObject({ wave: 2, totals: { waiting: 1, confirmed: 1 }, targets: [{ state: 'waiting' }, { state: 'confirmed' }] });
    expect(withRolloutEvent(undefined, { ...event, state: 'running', wave: 2 })).toBeUndefined();
    expect(withRolloutEvent(before, { kind: 'rollout', rollout: after! })).toBe(after);
  });
});
