import { expect, test } from 'vitest';
import type { Packet } from '../../firewall/rules/packet.ts';
import type { Reads, Rules } from '../../firewall/rules/rules.ts';
import { AskedRules } from './asked-rules.ts';
import { Partition } from './partition.ts';

const packet = (change: Partial<Packet> = {}): Packet => ({
  family: 4,
  in: 'lan0',
  src: Uint8Array.of(10, 1, 0, 5),
  dst: Uint8Array.of(198, 51, 100, 10),
  proto: 17,
  sport: 1,
  dport: 53,
  mark: 0,
  ct: { state: 'new', direction: 'original', mark: 0 },
  ...change,
});

/** Rules that read these fields, the destination port 53 and 10.1.0.0/24; `asked` counts evaluations. */
function rules(...fields: ('src' | 'dport' | 'routes' | 'ctMark')[]): { rules: Rules; asked: Packet[] } {
  const asked: Packet[] = [];
  const reads: Reads = {
    fields: new Set(fields),
    sources: { prefixes: [{ bytes: Uint8Array.of(10, 1, 0, 0), bits: 24 }], areWhole: false },
    destinations: { prefixes: [], areWhole: false },
    sports: [],
    dports: [[53, 53]],
    mark: 0,
    ctMark: 0xff,
  };
  const answer = <T>(of: Packet, value: T) => {
    asked.push(of);
    return { isKnown: true as const, value };
  };
  return {
    asked,
    rules: {
      marks: (_hook, of) => answer(of, { mark: of.mark!, ctMark: of.ct.mark, isTracked: true }),
      destination: (_hook, of) => answer(of, { kind: 'none' }),
      source: (of) => answer(of, { kind: 'none' }),
      verdict: (_hook, of) => answer(of, { kind: 'accepted' }),
      reads: () => reads,
    },
  };
}

const NO_ROUTES = { destinations: undefined };

test('packets that the rules do not distinguish are evaluated once, also across queries', () => {
  const { rules: of, asked } = rules('src', 'dport');
  const one = new AskedRules(of);
  for (let query = 0; query < 2; query++) {
    one.begin(NO_ROUTES);
    for (const change of [
      {},
      { sport: 9 },
      { src: Uint8Array.of(10, 1, 0, 9) },
      { dport: 54 },
      { dport: 80 },
      { src: Uint8Array.of(10, 2, 0, 9) },
    ])
      one.destination('prerouting', packet(change));
  }
  expect(asked.map(({ src, dport }) => [src[1], dport])).toEqual([
    [1, 53],
    [1, 54],
    [2, 53],
  ]);
});

test('what depends on routes is evaluated again in the next query, for addresses that routes distinguish', () => {
  const { rules: of, asked } = rules('routes');
  const one = new AskedRules(of);
  const destinations = new Partition([{ bytes: Uint8Array.of(198, 51, 100, 0), bits: 24 }]);
  for (let query = 0; query < 2; query++) {
    one.begin({ destinations });
    for (const last of [1, 2]) one.destination('prerouting', packet({ dst: Uint8Array.of(198, 51, 100, last) }));
    one.destination('prerouting', packet({ dst: Uint8Array.of(198, 51, 101, 1) }));
  }
  expect(asked).toHaveLength(4);
});

test('the mark of an existing entry is not taken for that of a new one', () => {
  const one = new AskedRules(rules().rules).begin(NO_ROUTES);
  one.marks('prerouting', packet({ ct: { state: 'established', direction: 'original', mark: 0x300 } }), 0xff);
  expect(one.marks('prerouting', packet(), 0xff)).toMatchObject({ value: { ctMark: 0 } });
});

test('without readable rules nothing is known', () => {
  const one = new AskedRules(undefined).begin(NO_ROUTES);
  expect(
    [one.marks('output', packet(), 1), one.destination('output', packet()), one.source(packet())].map(({ isKnown }) => isKnown),
  ).toEqual([false, false, false]);
});

test('kinds of packet beyond the budget of one query are left to the next', () => {
  const { rules: of, asked } = rules('ctMark');
  const one = new AskedRules({ ...of, reads: (hook) => ({ ...of.reads(hook), ctMark: 0xffffffff }) });
  const all = (): boolean[] => {
    one.begin(NO_ROUTES);
    return Array.from({ length: 6_000 }, (_, mark) => one.source(packet({ ct: { state: 'new', direction: 'original', mark } })).isKnown);
  };
  expect(all().filter(Boolean)).toHaveLength(5_000);
  expect(all().filter(Boolean)).toHaveLength(6_000);
  expect(asked).toHaveLength(6_000);
});
