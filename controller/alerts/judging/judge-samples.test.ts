import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_RULES } from '../../../proto/model/alerts/built-in.ts';
import type { Rule } from '../../../proto/model/alerts/rule.ts';
import type { Numbers } from '../../../proto/model/measures.ts';
import { NEW_GATEWAY, type GatewayMemory } from './gateway-memory.ts';
import { judgeSamples, type AlertChange } from './judge-samples.ts';
import type { JudgedSample } from './sample-context.ts';

const gateway = { id: 'g', name: 'gw-milano' };
const START = Date.UTC(2026, 10, 1);
const MAX = 10_000;

/** Ten seconds apart. */
const series = (all: Numbers[], from = 0): JudgedSample[] =>
  all.map((numbers, at) => ({
    atMs: START + (from + at) * 10_000,
    numbers: { max: MAX, drop: 0, earlyDrop: 0, insertFailed: 0, ...numbers },
  }));
const usages = (percents: number[], from = 0): JudgedSample[] =>
  series(
    percents.map((percent) => ({ count: percent * 100 })),
    from,
  );
const only = (...names: string[]): Rule[] => BUILT_IN_RULES.filter(({ name }) => names.includes(name));

/** Each batch as it arrives when its last sample was taken, or `lateMs` after that. */
function run(
  batches: JudgedSample[][],
  rules: readonly Rule[] = BUILT_IN_RULES,
  lateMs = 0,
): { changes: AlertChange[]; memory: GatewayMemory } {
  let memory = NEW_GATEWAY;
  let ids = 0;
  const changes = batches.flatMap((samples) => {
    const nowMs = (samples.at(-1)?.atMs ?? 0) + lateMs;
    const judged = judgeSamples(memory, samples, { gateway, rules, nowMs, newId: () => `${memory.version}-${ids++}` });
    memory = judged.memory;
    return judged.changes;
  });
  return { changes, memory };
}
const one = (samples: JudgedSample[]): JudgedSample[][] => samples.map((sample) => [sample]);
const told = (changes: AlertChange[]): string[] => changes.map(({ kind, rule, at }) => `${kind} ${rule.name} ${(at - START) / 1000}`);

describe('usage', () => {
  const critical = only('usage-critical');

  it('pends when it reaches its level, is raised once it has held, and is cleared once it has been well for long enough', () => {
    const { changes } = run(one(usages([...Array.from({ length: 20 }, () => 95), ...Array.from({ length: 40 }, () => 50)])), critical);
    expect(told(changes)).toEqual(['pend usage-critical 0', 'raise usage-critical 120', 'clear usage-critical 500']);
  });

  it('is withdrawn if it does not hold', () => {
    expect(told(run(one(usages([95, 95, 80, 50])), critical).changes)).toEqual(['pend usage-critical 0', 'withdraw usage-critical 20']);
  });

  it('is shown again when it is much worse', () => {
    const { changes } = run(one(usages([...Array.from({ length: 14 }, () => 90), 95, 100])), critical);
    expect(changes.at(-1)).toMatchObject({ kind: 'update', facts: { title: 'conntrack table of gw-milano is 100 % full' } });
  });

  it('names the source that fills the table, and offers to end its flows', () => {
    const samples = usages(Array.from({ length: 13 }, () => 95));
    samples[3]!.breakdown = { at: new Date(samples[3]!.atMs).toISOString(), topSources: [{ address: '10.0.0.5', flows: 6000 }] };
    expect(run(one(samples), critical).changes.at(-1)).toMatchObject({
      kind: 'raise',
      facts: {
        cause: 'many-flows-of-one-source',
        likely: '10.0.0.5 has 6,000 of 9,500 flows (63 %).',
        fix: { kind: 'flush', filter: 'src:10.0.0.5', gatewayIds: ['g'] },
      },
    });
  });

  it('begins to pend again after a break in which nobody knows what was', () => {
    const samples = [...usages([95, 95]), ...usages([95, 95], 100)];
    expect(told(run(one(samples), critical).changes)).not.toContainEqual(expect.stringMatching(/^raise/));
  });

  it('never flaps while it stays between the two levels, whatever it does there', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 85.01, max: 89.99, noNaN: true }), { maxLength: 200 }), fc.boolean(), (band, wasRaised) => {
        const before = wasRaised ? Array.from({ length: 15 }, () => 95) : [];
        const { changes } = run(one(usages([...before, ...band])), critical);
        expect(changes.filter(({ kind }) => kind === 'raise').length).toBe(wasRaised ? 1 : 0);
        expect(changes.filter(({ kind }) => kind === 'clear')).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it('raised and cleared by turns: never twice the same in a row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ percent: fc.integer({ min: 0, max: 100 }), times: fc.integer({ min: 1, max: 60 }) }), { maxLength: 15 }),
        (parts) => {
          const samples = usages(parts.flatMap(({ percent, times }) => Array.from({ length: times }, () => percent)));
          const kinds = run(one(samples), critical)
            .changes.map(({ kind }) => kind)
            .filter((kind) => kind === 'raise' || kind === 'clear');
          expect(kinds.every((kind, at) => kind === (at % 2 === 0 ? 'raise' : 'clear'))).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('what arrives otherwise than in order and once', () => {
  it('gives the same alerts, however samples are batched, and repeated', () => {
    const sample = fc.record({
      count: fc.oneof(fc.integer({ min: 0, max: MAX }), fc.constantFrom(9500, 9500, 9500, 2000)),
      drop: fc.constantFrom(0, 0, 0, 3),
    });
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 120 }),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 60, maxLength: 60 }),
        (all, sizes) => {
          let drop = 0;
          const samples = series(all.map((numbers) => ({ count: numbers.count, drop: (drop += numbers.drop) })));
          const batches: JudgedSample[][] = [];
          for (let at = 0; at < samples.length;) {
            const size = sizes[batches.length % sizes.length]!;
            batches.push(samples.slice(at, at + size));
            at += size;
          }
          const twice = batches.flatMap((batch) => [batch, batch]);
          const state = (memory: GatewayMemory) =>
            Object.entries(memory.rules).map(([name, rule]) => [name, { ...rule, alertId: undefined }]);
          expect(state(run(twice).memory)).toEqual(state(run(batches).memory));
          expect(told(run(twice).changes)).toEqual(told(run(batches).changes));
          expect(state(run(batches).memory)).toEqual(state(run(one(samples)).memory));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a spool that tells of what is over raises nothing', () => {
    const spool = usages([...Array.from({ length: 60 }, () => 99), ...Array.from({ length: 60 }, () => 20)]);
    const batches = Array.from({ length: 12 }, (_, at) => spool.slice(at * 10, at * 10 + 10));
    const { changes } = run(batches, BUILT_IN_RULES, 3_600_000);
    expect(changes.filter(({ kind }) => kind === 'raise')).toEqual([]);
  });

  it('a spool that ends in what still holds raises it with the first sample of now, as pending since then', () => {
    const spool = usages(Array.from({ length: 30 }, () => 99));
    const late = judgeSamples(NEW_GATEWAY, spool, { gateway, rules: only('usage-critical'), nowMs: START + 3_600_000, newId: () => 'a' });
    expect(late.changes.map(({ kind }) => kind)).toEqual(['pend']);
    const [fresh] = usages([99], 30);
    const now = judgeSamples(late.memory, [fresh!], { gateway, rules: only('usage-critical'), nowMs: fresh!.atMs, newId: () => 'b' });
    expect(now.changes).toEqual([expect.objectContaining({ kind: 'raise', alertId: 'a', pendingSince: START })]);
  });

  it('a rule that holds no longer clears what it raised', () => {
    const raised = run(one(usages(Array.from({ length: 20 }, () => 95))), only('usage-critical')).memory;
    const [next] = usages([95], 20);
    const { changes } = judgeSamples(raised, [next!], { gateway, rules: [], nowMs: next!.atMs, newId: () => 'x' });
    expect(changes.map(({ kind }) => kind)).toEqual(['clear']);
  });
});

describe('losses', () => {
  const losses = (before: Numbers, after: Numbers, translations: { address: string; proto: string; flows: number }[] = []) => {
    const samples = series([
      { count: 100, ...before },
      { count: 100, ...after },
    ]);
    samples[1]!.breakdown = { at: new Date(samples[1]!.atMs).toISOString(), topSources: [], translations };
    return run(one(samples), only('losses')).changes;
  };

  it('at a full table are because it is full', () => {
    expect(losses({}, { count: MAX, drop: 28 })).toEqual([
      expect.objectContaining({
        kind: 'raise',
        facts: expect.objectContaining({ cause: 'table-full', title: 'gw-milano lost 28 packets: its conntrack table is full' }),
      }),
    ]);
  });

  it('at a clash of ports are not, although the kernel counts them as drops too', () => {
    expect(losses({}, { drop: 3, insertFailed: 3 })).toEqual([
      expect.objectContaining({ facts: expect.objectContaining({ cause: 'port-clash', value: 3 }) }),
    ]);
  });

  it('at an address without ports name that address', () => {
    const [raised] = losses({}, { drop: 5, insertFailed: 5 }, [{ address: '203.0.113.7', proto: 'udp', flows: 64_000 }]);
    expect(raised).toMatchObject({
      facts: { cause: 'port-exhaustion', likely: expect.stringContaining('203.0.113.7 has hardly a port left') },
    });
  });

  it('at a nearly full table are flows that the kernel ended early', () => {
    expect(losses({}, { count: 9000, earlyDrop: 7 })).toEqual([
      expect.objectContaining({
        facts: expect.objectContaining({ cause: 'early-drop', title: 'gw-milano ended 7 flows early: its conntrack table is nearly full' }),
      }),
    ]);
  });

  it('in chains that are too long are because of too few buckets', () => {
    expect(losses({ chainToolong: 0 }, { chainToolong: 2, insertFailed: 2 })[0]).toMatchObject({ facts: { cause: 'few-buckets' } });
  });

  it('are not what a gateway counted before its first sample here', () => {
    expect(run(one(series([{ count: 10, drop: 5000 }])), only('losses')).changes).toEqual([]);
  });
});

describe('minutes to full', () => {
  it('are raised while there is still time, and not for a table that hardly holds anything', () => {
    const growing = (from: number) => series(Array.from({ length: 40 }, (_, at) => ({ count: from + at * 40 })));
    const rules = only('time-to-full');
    expect(run(one(growing(3000)), rules).changes.map(({ kind }) => kind)).toEqual(['pend', 'raise']);
    expect(run(one(growing(100)), rules).changes).toEqual([]);
  });
});

describe('any measure', () => {
  const rule = (values: Rule['values']): Rule[] => [{ name: 'many-new', kind: 'measure', isOn: true, severity: 'warning', values }];

  it('is bad above its level, or below it where the level to clear is the higher one', () => {
    const samples = series([{ newPerSecond: 5 }, { newPerSecond: 3000 }, { newPerSecond: 5 }]);
    expect(told(run(one(samples), rule({ measure: 'newPerSecond', raise: 2000, clear: 1500 })).changes)).toEqual([
      'raise many-new 10',
      'clear many-new 20',
    ]);
    expect(told(run(one(samples), rule({ measure: 'newPerSecond', raise: 10, clear: 20 })).changes)).toEqual([
      'raise many-new 0',
      'clear many-new 10',
      'raise many-new 20',
    ]);
  });

  it('that counts is told a second', () => {
    const samples = series([{ invalid: 0 }, { invalid: 1000 }]);
    expect(run(one(samples), rule({ measure: 'invalid', raise: 100, clear: 50 })).changes[0]).toMatchObject({ facts: { value: 100 } });
  });
});
