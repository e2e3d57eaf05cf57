import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluateFilter } from '../../../proto/model/filter/evaluate.ts';
import { arbitraryEntry, arbitraryFilter } from '../../../test/support/arbitrary-entry.ts';
import { encodeEntry } from '../../../test/support/encode-entry.ts';
import { Columns } from '../rows/columns.ts';
import { Describer } from '../query/describe.ts';
import { byFamily, featuresOf, pushDown, stallMs } from './kernel-filter.ts';
import type { KernelFilter } from '../wire/kernel-filter.ts';
import { DEFAULT_TIMEOUTS } from '../proc/timeouts.ts';
import { WanNames } from '../rows/wan-names.ts';
import { RowReader } from '../rows/read-entry.ts';
import { Block } from '../rows/block.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

const NOW = 1_900_000_000_000;

function rowOf(entry: Parameters<typeof encodeEntry>[0]) {
  const columns = new Columns(1);
  const body = encodeEntry(entry);
  new RowReader(columns).append(new Block(body), 0, body.length);
  return {
    columns,
    flow: new Describer(
      columns,
      {
        nowMs: NOW,
        sources: [{ timeouts: DEFAULT_TIMEOUTS, fromMs: -Infinity, untilMs: Infinity }],
        isSynced: false,
        labels: new Map(),
        wans: new WanNames([]),
      },
      [],
      () => undefined,
    ).flow(0),
  };
}

/** What the kernel does with a filter, after ctnetlink_filter_match of net/netfilter/nf_conntrack_netlink.c. */
function kernelMatches(filter: KernelFilter, { common, rare }: Columns): boolean {
  const { family, proto, origSrc, origDst, replySrc, replyDst, sport, dport, rsport, rdport, mark, status, zone } = common;
  const equal = (wanted: number | undefined, column: ArrayLike<number>): boolean => wanted === undefined || column[0] === wanted;
  const zones = [zone[0], rare.origZone?.[0], rare.replyZone?.[0]];
  return (
    equal(filter.family, family) &&
    equal(filter.proto, proto) &&
    equal(filter.src, origSrc) &&
    equal(filter.dst, origDst) &&
    equal(filter.rsrc, replySrc) &&
    equal(filter.rdst, replyDst) &&
    equal(filter.sport, sport) &&
    equal(filter.dport, dport) &&
    equal(filter.rsport, rsport) &&
    equal(filter.rdport, rdport) &&
    (filter.zone === undefined || zones.includes(filter.zone)) &&
    (!filter.mark || (mark[0]! & filter.mark.mask) >>> 0 === filter.mark.value) &&
    (!filter.status || (status[0]! & filter.status.mask) >>> 0 === filter.status.value)
  );
}

test('the kernel’s part of a filter keeps every match, and if it is exact nothing else', () => {
  let exact = 0;
  fc.assert(
    fc.property(arbitraryEntry, arbitraryFilter, (entry, filter) => {
      const { columns, flow } = rowOf(entry);
      const { kernel, isExact } = pushDown(filter);
      const isMatch = evaluateFilter(filter, flow, NOW);
      if (isMatch) expect(kernelMatches(kernel, columns)).toBe(true);
      if (!isExact) return;
      exact++;
      expect(kernelMatches(kernel, columns)).toBe(isMatch);
    }),
    { numRuns: 5000 },
  );
  expect(exact).toBeGreaterThan(500);
});

describe('what the kernel is asked', () => {
  test('is within one family where tuples are compared', () => {
    expect(byFamily(pushDown(filterOf('proto:udp')).kernel)).toEqual([
      { proto: 17, family: 4 },
      { proto: 17, family: 6 },
    ]);
    expect(byFamily(pushDown(filterOf('mark:0x100/0xff00')).kernel)).toHaveLength(1);
  });

  test('never has an address of IPv6, a port of other protocols than TCP and UDP, or zone 0', () => {
    for (const text of ['src:fd00::1', 'proto:sctp dport:5', 'dport:5', 'zone:0']) {
      const { kernel, isExact } = pushDown(filterOf(text));
      expect([isExact, kernel.src, kernel.dport, kernel.zone]).toEqual([false, undefined, undefined, undefined]);
    }
  });

  test('of an endpoint is its address and its port, in full where both are one', () => {
    expect(pushDown(filterOf('proto:udp src:10.0.0.5:5060'))).toEqual({
      kernel: { proto: 17, family: 4, src: 0x0a000005, sport: 5060 },
      isExact: true,
    });
    expect(pushDown(filterOf('proto:udp src:10.0.0.5:5060-5061'))).toEqual({
      kernel: { proto: 17, family: 4, src: 0x0a000005 },
      isExact: false,
    });
    expect(pushDown(filterOf('src:10.0.0.5:5060'))).toEqual({ kernel: { family: 4, src: 0x0a000005 }, isExact: false });
    expect(pushDown(filterOf('proto:tcp dst:[2001:db8::1]:443'))).toEqual({ kernel: { proto: 6, family: 6, dport: 443 }, isExact: false });
    expect(pushDown(filterOf('10.0.0.5:5060'))).toEqual({ kernel: { family: 4 }, isExact: false });
  });

  test('names the features that it needs', () => {
    expect(featuresOf(pushDown(filterOf('proto:udp mark:1/1 status:replied zone:3')).kernel)).toEqual([
      'dump by tuple',
      'dump by mark',
      'dump by status',
      'dump by zone',
    ]);
  });

  test('a dump with few hits holds a CPU for long, one with many does not', () => {
    const table = { entries: 1_000_000, buckets: 262_144 };
    expect(stallMs({ ...table, hits: 0 })).toBeGreaterThan(250);
    expect(stallMs({ ...table, hits: 20_000 })).toBeLessThan(5);
  });
});
