import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress, prefixContains } from '../../../proto/model/address.ts';
import { conditionsOf } from '../../../proto/model/block/of-filter.ts';
import { PACKET_FIELDS } from '../../../proto/model/block/packets.ts';
import { fromWireRefused, toWireRefused } from '../../../proto/wire/block.ts';
import { RefusedPackets } from '../../../proto/gen/ctfleet/v1/operation.ts';
import { evaluateFilter } from '../../../proto/model/filter/evaluate.ts';
import { forEachTerm } from '../../../proto/model/filter/filter.ts';
import type { Flow, Tuple } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { arbitraryFilter } from '../../../test/support/arbitrary-entry.ts';
import { arbitraryFlow } from '../../../test/support/arbitrary-flow.ts';
import { checksOf, checksOfAll, headersOf, ofFamily, type Check, type HeaderCheck } from './packet-checks.ts';
import { filterOf } from '../../../test/support/filter-of.ts';

const CARRIED: readonly string[] = [...PACKET_FIELDS, 'host', 'app'];
/** Filters of what packets carry, of which not all can be blocks. */
const ofPackets = arbitraryFilter.filter((filter) => {
  let isCarried = true;
  forEachTerm(filter, ({ field }) => {
    isCarried &&= CARRIED.includes(field);
  });
  return isCarried;
});

/** What nft sees of a flow by `ct`: the two bytes where a port is, whatever they mean. */
function numberAt({ sport, dport, srcKey, dstKey, icmp }: Tuple, isSource: boolean): number {
  return (isSource ? (sport ?? srcKey ?? icmp?.id) : (dport ?? dstKey ?? (icmp && icmp.type * 256 + icmp.code))) ?? 0;
}

function holds(check: Check, { orig, reply, proto, family, status }: Flow): boolean {
  const within = (ranges: { from: number; to: number }[], value: number): boolean =>
    ranges.some(({ from, to }) => from <= value && value <= to);
  const isMet = (): boolean => {
    switch (check.on) {
      case 'src':
        return check.prefixes.some((prefix) => prefixContains(prefix, parseAddress(orig.src)!));
      case 'dst':
        return check.prefixes.some((prefix) => prefixContains(prefix, parseAddress(orig.dst)!));
      case 'rsrc':
        return check.prefixes.some((prefix) => prefixContains(prefix, parseAddress(reply.src)!));
      case 'rdst':
        return check.prefixes.some((prefix) => prefixContains(prefix, parseAddress(reply.dst)!));
      case 'sport':
        return within(check.ranges, numberAt(orig, true));
      case 'dport':
        return within(check.ranges, numberAt(orig, false));
      case 'rsport':
        return within(check.ranges, numberAt(reply, true));
      case 'rdport':
        return within(check.ranges, numberAt(reply, false));
      case 'proto':
        return within(check.ranges, proto);
      case 'family':
        return within(check.ranges, family);
      case 'snat':
        return (status & IPS.SRC_NAT) !== 0;
      case 'dnat':
        return (status & IPS.DST_NAT) !== 0;
    }
  };
  return isMet() !== check.isNot;
}

function headerHolds(check: HeaderCheck, { src, dst, ...ports }: Tuple, proto: number): boolean {
  const within = (ranges: { from: number; to: number }[], value: number): boolean =>
    ranges.some(({ from, to }) => from <= value && value <= to);
  const isMet = (): boolean => {
    switch (check.on) {
      case 'saddr':
        return check.prefixes.some((prefix) => prefixContains(prefix, parseAddress(src)!));
      case 'daddr':
        return check.prefixes.some((prefix) => prefixContains(prefix, parseAddress(dst)!));
      case 'sport':
        return within(check.ranges, ports.sport ?? 0);
      case 'dport':
        return within(check.ranges, ports.dport ?? 0);
      case 'proto':
        return within(check.ranges, proto);
    }
  };
  return isMet() !== check.isNot;
}

describe('the packets of a block', () => {
  it('are those of the flows that its filter matches, before and after translation, and of no other', () => {
    let blocks = 0;
    let refused = 0;
    fc.assert(
      fc.property(ofPackets, fc.array(arbitraryFlow, { minLength: 10, maxLength: 10 }), (filter, flows) => {
        let rules: Check[][];
        try {
          rules = checksOfAll(conditionsOf(filter));
        } catch (error) {
          expect(error).toMatchObject({ code: 'FILTER_NOT_OF_PACKETS' });
          return;
        }
        blocks++;
        for (const flow of flows) {
          const isRefused = rules.some((checks) => {
            const own = ofFamily(checks, flow.family);
            return own?.every((check) => holds(check, flow)) === true;
          });
          expect(isRefused).toBe(evaluateFilter(filter, flow, 0));
          if (isRefused) refused++;
        }
      }),
      { numRuns: 2000 },
    );
    expect(blocks).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(200);
  });

  it('without a flow are those that an untranslated flow of the filter could have, both ways, and no other', () => {
    let refused = 0;
    const apart = fc.tuple(ofPackets, arbitraryFlow).filter(([, { proto }]) => proto !== 1 && proto !== 47 && proto !== 58);
    fc.assert(
      fc.property(apart, ([filter, { orig, ...flow }]) => {
        let keysAreAsked = false;
        forEachTerm(filter, ({ field }) => {
          keysAreAsked ||= /key|icmp/.test(field);
        });
        if (keysAreAsked) return;
        let rules: Check[][];
        try {
          rules = checksOfAll(conditionsOf(filter));
        } catch {
          return;
        }
        const reply: Tuple = { src: orig.dst, dst: orig.src, sport: orig.dport, dport: orig.sport };
        const untranslated = { ...flow, orig, reply, status: 0 };
        const couldBe = evaluateFilter(filter, untranslated, 0) || evaluateFilter(filter, { ...untranslated, orig: reply, reply: orig }, 0);
        const isRefused = rules.some((checks) => {
          const own = ofFamily(checks, flow.family);
          return own !== undefined && headersOf(own).some((headers) => headers.every((check) => headerHolds(check, orig, flow.proto)));
        });
        expect(isRefused).toBe(couldBe);
        if (isRefused) refused++;
      }),
      { numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(20);
  });

  it('come over the link as they were', () => {
    fc.assert(
      fc.property(ofPackets, fc.integer({ min: 1, max: 3600 }), (filter, seconds) => {
        let refused;
        try {
          refused = { anyOf: conditionsOf(filter), seconds };
        } catch {
          return;
        }
        expect(fromWireRefused(RefusedPackets.decode(RefusedPackets.encode(toWireRefused(refused)).finish()))).toEqual(refused);
      }),
      { numRuns: 500 },
    );
  });

  it('are bounded: a filter of many alternatives is refused and not made a thousand rules of', () => {
    expect(
      checksOf(conditionsOf(filterOf(`host:${Array.from({ length: 900 }, (_, n) => `10.0.${n >> 8}.${n & 255}`).join(',')}`))[0]!),
    ).toHaveLength(4);
    const many = Array.from({ length: 65 }, (_, n) => `(src:10.0.0.${n} dport:${n + 1})`).join(' or ');
    expect(() => conditionsOf(filterOf(many))).toThrow('more than 64 kinds of packets');
  });
});
