import { beforeEach, describe, expect, it } from 'vitest';
import type { EffectsAnswer, EffectsAsk } from '../../conntrack/effects-ask.ts';
import type { DeleteOutcome, FlowIdentity } from '../../conntrack/table.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import { rulesetOf } from '../ruleset.ts';
import type { ChangeRecord } from './change-record.ts';
import { endsUnmet, endUnmet } from './end-unmet.ts';

const rule = (mode: PolicyRule['mode'], more: Partial<PolicyRule> = {}): PolicyRule => ({ name: 'm', match: {}, mode, ...more });

function recordOf(before: PolicyRule[], after: PolicyRule[]): ChangeRecord {
  const [from, to] = [before, after].map((rules) => rulesetOf({ rules, helpers: [] }));
  return {
    changes: { settings: [], table: { ...(from && { from }), ...(to && { to }) }, digest: '' },
    held: { settings: {}, rules: after, helpers: [], timeouts: {} },
    spared: [{ proto: 'tcp', dport: [{ from: 22, to: 22 }] }],
  } as unknown as ChangeRecord;
}

/** A table in which these flows do not meet the mode. */
class Unmet {
  flows: Flow[] = [];
  asks: EffectsAsk[] = [];
  /** By id. */
  outcomes: Record<number, DeleteOutcome> = {};
  others = new Set<number>();

  add(id: number, protectedBy?: string): void {
    this.flows.push({ id, protectedBy } as Flow);
  }

  effects = async (ask: EffectsAsk): Promise<EffectsAnswer> => {
    this.asks.push(ask);
    const stopped = this.flows.slice(0, ask.maxFlows);
    return { effects: [], stopped, stoppedLeft: this.flows.length - stopped.length, tableCount: 50, snapshotAtMs: 0, untold: 0 };
  };
  areThere = async (flows: FlowIdentity[]): Promise<boolean[]> => flows.map(({ id }) => !this.others.has(id));
  delete = async (flows: FlowIdentity[]): Promise<DeleteOutcome[]> => {
    const outcomes = flows.map(({ id }) => this.outcomes[id] ?? 'deleted');
    this.flows = this.flows.filter(({ id }) => !flows.some((flow, index) => flow.id === id && outcomes[index] === 'deleted'));
    return outcomes;
  };
}

describe('flows that do not meet a stricter mode', () => {
  let table: Unmet;
  let allowed: number[];
  let refusal: FleetError | undefined;
  beforeEach(() => {
    [table, allowed, refusal] = [new Unmet(), [], undefined];
  });
  const STRICTER = recordOf([rule('normal')], [rule('strict')]);
  const end = (record = STRICTER) =>
    endUnmet(record, {
      table,
      context: () => ({ wans: [], protections: [] }),
      own: () => ['192.0.2.1'],
      allow: (flows) => {
        if (refusal) throw refusal;
        allowed.push(flows);
      },
    });

  it('end, however many there are, and are counted', async () => {
    for (let id = 0; id < 25_000; id++) table.add(id);
    expect(await end()).toEqual({ ended: 25_000, left: 0 });
    expect(allowed).toEqual([10_000, 10_000, 5000]);
  });

  it('that come back as fast as they end are ended no more often than there were at first', async () => {
    for (let id = 0; id < 3; id++) table.add(id);
    const { delete: remove } = table;
    table.delete = async (flows) => {
      const outcomes = await remove(flows);
      for (const { id } of flows) table.add(id + 10);
      return outcomes;
    };
    expect(await end()).toEqual({ ended: 3, left: 3 });
  });

  it('are looked for by the rules before and after, with what is spared', async () => {
    await end();
    expect(table.asks).toMatchObject([
      {
        before: { modes: [{ mode: 'normal' }], limits: [], off: [], helpers: [], idle: [] },
        after: { modes: [{ mode: 'strict', path: 'rules.m' }] },
        own: ['192.0.2.1'],
        spared: STRICTER.spared,
      },
    ]);
  });

  it('are never those that a rule denies', async () => {
    const before = [rule('normal')];
    const after = [rule('deny', { name: 'd', match: { proto: 'udp' }, answer: 'drop' }), rule('strict')];
    await end(recordOf(before, after));
    expect(table.asks[0]!.after.modes.map(({ mode }) => mode)).toEqual(['loose', 'strict']);
  });

  it('stay if they are protected, are others by now, or cannot be deleted', async () => {
    table.add(1, 'agent channel');
    table.add(2);
    table.add(3);
    table.add(4);
    table.others.add(2);
    table.outcomes[3] = 'failed';
    expect(await end()).toEqual({ ended: 1, left: 3 });
    expect(table.flows.map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it('stay where the gateway’s owner does not allow it, and that is said', async () => {
    table.add(1);
    refusal = new FleetError('GUARD_REFUSED', 'readOnly: nothing may be changed.');
    expect(await end()).toEqual({ ended: 0, left: 1, why: 'readOnly: nothing may be changed.' });
  });

  it.each([
    ['normal', 'strict', true],
    ['loose', 'strict', true],
    ['strict', 'normal', false],
    ['normal', 'loose', false],
    ['normal', 'deny', false],
  ] as const)('are not looked for where no mode becomes strict: %s to %s', (before, after, looks) => {
    expect(endsUnmet(recordOf([rule(before)], [rule(after)]))).toBe(looks);
  });

  it('are not looked for where no rule changes', () => {
    const { changes, ...rest } = recordOf([], [rule('strict')]);
    expect(endsUnmet({ ...rest, changes: { settings: [], digest: changes.digest } })).toBe(false);
  });
});
