import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { networkU32 } from '../../../agent/netlink/attributes.ts';
import { Partition, portPieces } from '../../../agent/conntrack/stale/partition.ts';
import { GatewayRules } from '../../../agent/firewall/rules/gateway-rules.ts';
import { readKernelRuleset } from '../../../agent/firewall/rules/kernel-ruleset.ts';
import { readSurroundings } from '../../../agent/firewall/rules/kernel-surroundings.ts';
import type { Packet } from '../../../agent/firewall/rules/packet.ts';
import { lookUpRoute } from '../../../agent/firewall/rules/look-up-route.ts';
import type { Reads, Rules } from '../../../agent/firewall/rules/rules.ts';
import { Namespace } from '../../support/namespace.ts';
import { arbitrarySample, arbitraryTable, loadArbitrary } from '../../support/rules/arbitrary-rules.ts';
import { tryPacket } from '../../support/rules/compare.ts';
import { RuleStage } from '../../support/rules/stage.ts';

const why = Namespace.why();
const NUM_RUNS = Number(process.env.CTFLEET_RULE_RUNS ?? 12);
/** A counterexample is a readable ruleset; shrinking it would load hundreds of them. */
const HOW = { numRuns: NUM_RUNS, endOnFailure: true, seed: Number(process.env.CTFLEET_RULE_SEED ?? 1) };

describe.skipIf(why !== undefined)(`random rules and packets${why ? ` (skipped: ${why})` : ''}`, () => {
  let stage: RuleStage;
  beforeAll(() => {
    stage = new RuleStage('ctw-rules-rand');
  });
  afterAll(() => stage?.remove());

  const load = (table: string): Rules => {
    stage.reset();
    loadArbitrary(stage, table);
    return stage.within(
      () => new GatewayRules(readKernelRuleset(), { ...readSurroundings(), waysOut: (query) => stage.within(() => lookUpRoute(query)) }),
    );
  };

  test('a known prediction for a packet is what the kernel does with it', () => {
    fc.assert(
      fc.property(arbitraryTable, fc.array(arbitrarySample, { minLength: 6, maxLength: 6 }), (table, samples) => {
        const rules = load(table);
        for (const sample of samples) {
          const wrong = tryPacket(stage, rules, sample).checks.filter(({ answer, isRight }) => answer.isKnown && !isRight);
          expect(wrong.map(({ about, answer, seen }) => `${about}: ${JSON.stringify(answer)}, but saw ${seen}`)).toEqual([]);
        }
      }),
      HOW,
    );
  });

  test('packets that agree in everything the rules read have the same predictions', () => {
    const packet = fc
      .tuple(
        arbitrarySample,
        fc.constantFrom('lan', 'wan1', 'docker0', null),
        fc.constantFrom(0, 1, 0x100, 0x101),
        fc.constantFrom(0, 1, 0x300),
        fc.constantFrom('new' as const, 'established' as const),
      )
      .map(([sample, out, mark, ctMark, state]): Packet => ({
        ...sample.packet,
        icmpCode: 0,
        in: sample.from,
        out,
        mark,
        ct: { state, direction: 'original', mark: ctMark, ...(state === 'new' && { status: 0 }), helper: null },
      }));
    fc.assert(
      fc.property(arbitraryTable, fc.array(packet, { minLength: 80, maxLength: 80 }), (table, packets) => {
        const rules = load(table);
        for (const hook of ['prerouting', 'forward', 'postrouting'] as const) {
          const keyOf = keysOf(rules.reads(hook));
          const answers = new Map<string, string>();
          for (const each of packets) {
            const key = keyOf(each);
            const answer = JSON.stringify([
              rules.verdict(hook, each),
              hook === 'prerouting'
                ? [rules.marks(hook, each), rules.destination(hook, each)]
                : hook === 'postrouting'
                  ? rules.source(each)
                  : undefined,
            ]);
            expect(answers.get(key) ?? answer).toBe(answer);
            answers.set(key, answer);
          }
        }
      }),
      HOW,
    );
  });
});

/** The mark passes through a hook unless a rule changes it, so it belongs to the answer about marks. */
function keysOf(reads: Reads): (packet: Packet) => string {
  const [sources, destinations] = [new Partition(reads.sources.prefixes), new Partition(reads.destinations.prefixes)];
  const [sports, dports] = [portPieces(reads.sports), portPieces(reads.dports)];
  const { fields } = reads;
  const ifRead = <T>(field: Parameters<typeof fields.has>[0], value: T): T | undefined => (fields.has(field) ? value : undefined);
  return ({ src, dst, ...packet }) =>
    JSON.stringify([
      ifRead('in', packet.in),
      ifRead('out', packet.out),
      ifRead('src', reads.sources.areWhole ? String(src) : sources.of4(networkU32(src, 0))),
      ifRead('dst', reads.destinations.areWhole ? String(dst) : destinations.of4(networkU32(dst, 0))),
      ifRead('proto', packet.proto),
      ifRead('sport', sports[packet.sport ?? 0]),
      ifRead('dport', dports[packet.dport ?? 0]),
      ifRead('icmp', packet.icmpType),
      ifRead('tcpFlags', packet.tcpFlags),
      packet.mark,
      ifRead('ctMark', packet.ct.mark! & reads.ctMark),
      ifRead('state', packet.ct.state),
      ifRead('status', packet.ct.status),
      packet.ct.mark,
    ]);
}
