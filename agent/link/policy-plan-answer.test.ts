import { describe, expect, test } from 'vitest';
import { PolicyEffects as WireEffects } from '../../proto/gen/ctfleet/v1/policy.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import { ChangeStage, policyOf } from '../../test/support/policy-changing.ts';
import type { EffectsAnswer, EffectsAsk } from '../conntrack/effects-ask.ts';
import { PolicyPlanning } from '../policies/effects/policy-planning.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { answerPolicyPlan, effectsWithin } from './policy-plan-answer.ts';

const SIGNAL = new AbortController().signal;
const REST = policyOf({
  timeouts: { 'udp.replied': 60, 'udp.unreplied': 40 },
  rules: [{ name: 'rest', match: { proto: 'tcp' }, mode: 'deny', answer: 'drop' }],
});

/** The planning of a gateway in memory, and what its table was asked. */
function planningOf(effects: (ask: EffectsAsk) => Promise<EffectsAnswer>) {
  const stage = new ChangeStage();
  stage.kernel.values.nf_conntrack_udp_timeout = 30;
  const asks: EffectsAsk[] = [];
  const planning = new PolicyPlanning({
    policies: { read: async () => readingOf(stage), ownTable: () => stage.kernel.table() },
    table: {
      effects: (ask) => {
        asks.push(ask);
        return effects(ask);
      },
    },
    context: () => ({ wans: [], protections: [] }),
    own: () => ['192.0.2.1'],
    spared: async () => [{ proto: 'tcp', dport: [{ from: 22, to: 22 }] }],
  });
  return { planning, asks };
}

function readingOf(stage: ChangeStage) {
  const actual = { settings: stage.kernel.settings(), unsettable: {}, helpers: [] };
  return { actual, helpers: [], foreign: { rules: [], undecoded: [], unread: [], left: 0 }, unread: [] };
}

const answered =
  (more: Partial<EffectsAnswer> = {}) =>
  async (): Promise<EffectsAnswer> => ({
    effects: [],
    stopped: [{ id: 7 } as Flow],
    stoppedLeft: 4,
    tableCount: 90,
    snapshotAtMs: 0,
    untold: 0,
    ...more,
  });

describe('the answer to a plan of a policy', () => {
  test('is of what could be set here: rules and settings before and after, addresses, what is spared', async () => {
    const { planning, asks } = planningOf(answered());
    const answer = await answerPolicyPlan(planning, writePolicy(REST), 5, SIGNAL);
    expect(answer).toMatchObject({ total: 5, tableCount: 90, rows: [{ id: 7 }], policyEffects: { unknown: '' }, policy: { noTable: '' } });
    expect(asks).toMatchObject([
      {
        before: { modes: [], settings: { nf_conntrack_udp_timeout_stream: 120 } },
        after: {
          modes: [{ path: 'rules.rest', mode: 'deny' }],
          settings: { nf_conntrack_udp_timeout_stream: 60, nf_conntrack_udp_timeout: 40 },
        },
        own: ['192.0.2.1'],
        spared: [{ dport: [{ from: 22, to: 22 }] }],
        maxFlows: 5,
      },
    ]);
  });

  test('has the reading also where flows cannot be looked at, with the reason', async () => {
    const { planning } = planningOf(async () => {
      throw new FleetError('CAPABILITY_MISSING', 'There is no conntrack table here.');
    });
    const { policy, policyEffects } = await answerPolicyPlan(planning, writePolicy(REST), 5, SIGNAL);
    expect([policyEffects.unknown, policy.settings.nf_conntrack_udp_timeout]).toEqual(['There is no conntrack table here.', 30n]);
  });

  test('says of how many flows it cannot be told', async () => {
    const { planning } = planningOf(answered({ untold: 12 }));
    expect((await answerPolicyPlan(planning, writePolicy(REST), 5, SIGNAL)).policyEffects.unknown).toMatch(
      /^Of 12 flows it cannot be told/,
    );
  });

  test('is a failure for what is no policy, and for what is cancelled', async () => {
    const { planning } = planningOf(async () => {
      throw new FleetError('CANCELLED', 'The request was cancelled.');
    });
    await expect(answerPolicyPlan(planning, 'kind: Other', 5, SIGNAL)).rejects.toMatchObject({ code: 'POLICY_INVALID' });
    await expect(answerPolicyPlan(planning, writePolicy(REST), 5, SIGNAL)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('has as many effects as there is room for, and says how many more there are', () => {
    const effects = Array.from({ length: 300 }, (_, n) => ({
      kind: 'stopped' as const,
      path: `rules.${n}`,
      flows: n,
      why: 'x'.repeat(200),
    }));
    const wire = effectsWithin({ effects, stopped: [], unknown: 'Something is unknown.' });
    expect(WireEffects.encode(wire).finish().length).toBeLessThan(21_000);
    expect(wire.effects.map(({ path }) => path)).toEqual(effects.slice(0, wire.effects.length).map(({ path }) => path));
    expect(wire.unknown).toBe(`Something is unknown. ${300 - wire.effects.length} more effects have no room in an answer.`);
    expect(effectsWithin({ effects: effects.slice(0, 20), stopped: [] })).toMatchObject({ effects: { length: 20 }, unknown: '' });
  });
});
