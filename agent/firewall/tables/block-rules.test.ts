import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionsOf } from '../../../proto/model/block/of-filter.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { arbitraryFilter } from '../../../test/support/arbitrary-entry.ts';
import { formatBlockFile, parseBlockFile, type BegunBlock } from './block-file.ts';
import { blockTable, flowPackets, type BlockText } from './block-rules.ts';
import { readBlocks } from './found-blocks.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

const flow: Flow = {
  family: 4,
  proto: 6,
  zone: 0,
  id: 77,
  mark: 0,
  labels: [],
  status: 0,
  orig: { src: '10.1.0.2', dst: '203.0.113.1', sport: 40_000, dport: 443 },
  reply: { src: '198.51.100.10', dst: '198.18.0.12', sport: 443, dport: 1024 },
};
const block: BlockText = { token: 'b1', conditions: [], flows4: [], flows6: [], leftSeconds: 60, packets: 7n, bytes: 420n };

function conditions(text: string): BlockText['conditions'] {
  return conditionsOf(filterOf(text));
}

describe('the table of blocks', () => {
  it('asks both tuples of a packet’s flow, and the header of a packet without one', () => {
    const rules = blockTable([{ ...block, conditions: conditions('src:10.0.0.2 proto:tcp dport:22') }], [])
      .split('\n')
      .filter((line) => line.endsWith('counter name refused_b1 goto refuse'));
    expect(rules.slice(2)).toEqual([
      'meta nfproto ipv4 ct original protocol { 6 } ct original ip saddr { 10.0.0.2 } meta l4proto { 1, 6, 17, 33, 47, 58, 132, 136 } ct original proto-dst { 22 } counter name refused_b1 goto refuse',
      'meta nfproto ipv4 ct state invalid,untracked meta l4proto { 6 } ip saddr { 10.0.0.2 } th dport { 22 } counter name refused_b1 goto refuse',
      'meta nfproto ipv4 ct state invalid,untracked meta l4proto { 6 } ip daddr { 10.0.0.2 } th sport { 22 } counter name refused_b1 goto refuse',
    ]);
  });

  it('has for each block its own life, counter and flows, and what is spared before all of them', () => {
    const text = blockTable([block, { ...block, token: 'b2', packets: 0n, bytes: 0n }], conditions('dst:10.0.0.1 dport:22'));
    expect(text).toContain('counter refused_b1 { packets 7 bytes 420');
    expect(text).toContain('elements = { ipv4 timeout 60s, ipv6 timeout 60s }');
    expect(text.match(/jump spared\nmeta nfproto @live_b1 jump (block|late)_b1\nmeta nfproto @live_b2 jump (block|late)_b2/g)).toHaveLength(
      5,
    );
  });

  it('holds nothing but words of ours, numbers and addresses, whatever is asked', () => {
    fc.assert(
      fc.property(arbitraryFilter, (filter) => {
        let asked: BlockText['conditions'];
        try {
          asked = conditionsOf(filter);
        } catch (error) {
          expect(error).toMatchObject({ code: 'FILTER_NOT_OF_PACKETS' });
          return;
        }
        for (const line of blockTable([{ ...block, conditions: asked }], []).split('\n'))
          expect(line).toMatch(/^[a-z0-9_@{},;:.!=&|\-+ /]*$/);
      }),
      { numRuns: 300 },
    );
  });

  it('takes no text where an address of a flow should stand', () => {
    const nasty = fc.oneof(fc.string(), fc.constantFrom('10.0.0.1 }; delete table inet gw; #', '10.0.0.1\nflush ruleset', '0.0.0.0/0'));
    fc.assert(
      fc.property(nasty, fc.boolean(), fc.double(), (text, isSource, port) => {
        try {
          for (const packet of flowPackets({ ...flow, orig: { ...flow.orig, sport: port, [isSource ? 'src' : 'dst']: text } }))
            expect(packet).toMatch(/^[0-9a-f.:]+ \. [0-9a-f.:]+ \. \d+ \. \d+ \. \d+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }),
    );
  });
});

it('a flow is told by what its client, its server before and behind translation, and its server without an entry send', () => {
  expect(flowPackets(flow)).toEqual([
    '10.1.0.2 . 198.51.100.10 . 6 . 40000 . 443',
    '198.51.100.10 . 10.1.0.2 . 6 . 443 . 40000',
    '198.51.100.10 . 198.18.0.12 . 6 . 443 . 1024',
    '10.1.0.2 . 203.0.113.1 . 6 . 40000 . 443',
  ]);
  expect(flowPackets({ ...flow, proto: 50 })).toEqual([]);
});

describe('what nft says of the table', () => {
  it('is read by block, and changes its shape with whatever somebody else changes', () => {
    const listing = (rules: number): string =>
      JSON.stringify({
        nftables: [
          { metainfo: { version: '1.0.6' } },
          { table: { family: 'inet', name: 'ctfleet_block' } },
          { counter: { name: 'refused_b_1', packets: 9, bytes: 540 } },
          {
            set: {
              name: 'live_b_1',
              elem: [{ elem: { val: 2, timeout: 60, expires: 41 } }, { elem: { val: 10, timeout: 60, expires: 40 } }],
            },
          },
          {
            set: {
              name: 'flows4_b_1',
              elem: [
                { concat: ['10.0.0.2', '198.51.100.10', 6, 40_000, 443] },
                { concat: ['10.0.0.2 }; flush ruleset', '::', 6, 1, 1] },
                7,
              ],
            },
          },
          { chain: { name: 'prerouting' } },
          ...Array.from({ length: rules }, () => ({ rule: { chain: 'prerouting' } })),
        ],
      });
    const { shape, blocks } = readBlocks(listing(2));
    expect(blocks.get('b_1')).toEqual({
      leftSeconds: 41,
      packets: 9n,
      bytes: 540n,
      flows4: ['10.0.0.2 . 198.51.100.10 . 6 . 40000 . 443'],
      flows6: [],
    });
    expect(readBlocks(listing(2)).shape).toBe(shape);
    expect(readBlocks(listing(1)).shape).not.toBe(shape);
  });

  it('may be anything, and is read or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc
            .record({ nftables: fc.array(fc.dictionary(fc.constantFrom('set', 'counter', 'rule', 'chain'), fc.jsonValue())) })
            .map((value) => JSON.stringify(value)),
        ),
        (text) => {
          try {
            expect(readBlocks(text).blocks).toBeInstanceOf(Map);
          } catch (error) {
            expect(['ZodError', 'SyntaxError']).toContain((error as Error).name.replace('$', ''));
          }
        },
      ),
    );
  });
});

it('the file of blocks holds them as they were, and what is none is refused', () => {
  const begun: BegunBlock = {
    id: 'a',
    planId: 'p',
    refused: { anyOf: [...conditions('host:10.0.0.2 -dport:22')], seconds: 60 },
    sinceMs: 5,
    untilMs: 60_005,
    flows: 3,
  };
  expect(parseBlockFile(Buffer.from(formatBlockFile({ bootId: 'b', blocks: [begun] })))).toEqual({ bootId: 'b', blocks: [begun] });
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(() => parseBlockFile(Buffer.from(text))).toThrow(Error);
    }),
  );
});
