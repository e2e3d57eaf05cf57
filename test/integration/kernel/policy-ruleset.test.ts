import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rulesIn } from '../../../agent/policies/rules-in.ts';
import { rulesetOf } from '../../../agent/policies/ruleset.ts';
import { parseAddress } from '../../../proto/model/address.ts';
import { canonicalRule } from '../../../proto/model/policy/canonical-rule.ts';
import type { PolicyRule, RuleLimits } from '../../../proto/model/policy/document.ts';
import { HELPERS } from '../../../proto/model/policy/helpers.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { arbitraryRules, rulesAround } from '../../support/arbitrary-policy.ts';
import { Namespace } from '../../support/namespace.ts';
import { meaningOf, type Meaning } from '../../support/policy-oracle.ts';
import { PolicyStage } from '../../support/policy-stage.ts';
import { outcomeOf } from '../../support/rules/corpus.ts';
import type { TestPacket } from '../../support/rules/frame.ts';
import type { Device } from '../../support/rules/stage.ts';
import { IS_WHOLE } from '../../support/whole.ts';

const why = Namespace.why();
const [SYN, ACK] = [2, 0x10];
/** A client in the LAN and a server behind wan1, in both families. */
const ENDS = { 4: ['10.0.0.5', '203.0.113.7'], 6: ['fd00:1::5', '2001:db8:9::7'] } as const;

const FATES = { drop: 'dropped in forward', reset: 'reset in forward' } as const;

/** A packet of a new flow that is not a SYN. */
function midstreamOf(proto: 'tcp' | 'udp', { denied, mustBegin }: Meaning): string {
  if (denied) return FATES[proto === 'tcp' ? denied : 'drop'];
  return proto === 'tcp' && mustBegin ? FATES.drop : 'forwarded by wan1';
}

function packet(family: 4 | 6, proto: 'tcp' | 'udp', sport: number, dport: number, tcpFlags = SYN): TestPacket {
  const [src, dst] = ENDS[family].map((text) => parseAddress(text)!) as [Uint8Array, Uint8Array];
  return { family, proto: PROTOCOLS[proto], src, dst, sport, dport, ...(proto === 'tcp' && { tcpFlags }) };
}

describe.skipIf(why !== undefined)(`the table of a policy${why ? ` (skipped: ${why})` : ''}`, () => {
  let stage: PolicyStage;
  beforeAll(() => {
    stage = new PolicyStage('ctw-policy');
  });
  beforeEach(() => stage.reset());
  afterAll(() => stage?.remove());

  const apply = (rules: PolicyRule[], helpers: string[] = []): void => void stage.replace(rulesetOf({ rules, helpers }));
  const fateOf = (sent: TestPacket, from: Device = 'lan'): string => outcomeOf({ from, packet: sent }, stage.send(from, sent)).text;
  /** How many new connections pass, of so many that are tried from different ports. */
  const passing = (family: 4 | 6, tries: number, firstPort: number, proto: 'tcp' | 'udp' = 'tcp'): number =>
    Array.from({ length: tries }, (_, n) => fateOf(packet(family, proto, firstPort + n, 443))).filter(
      (fate) => fate === 'forwarded by wan1',
    ).length;

  test('reads back as the rules it was made of, whatever their names hold and whatever was there before', { timeout: 900_000 }, () => {
    fc.assert(
      fc.property(
        arbitraryRules,
        fc.subarray(Object.keys(HELPERS)),
        fc.dictionary(fc.constantFrom('tcp.timeWait', 'tcp.synSent', 'tcp.maxRetrans'), fc.integer({ min: 1, max: 500 })),
        (rules, helpers, timeouts) => {
          expect(stage.replace(rulesetOf({ rules, helpers, timeouts }))).toBe(true);
          const found = stage.found();
          const read = found ? rulesIn(found) : { rules: [], helpers: [], strange: [] };
          expect(read).toEqual({ rules: rules.map(canonicalRule), helpers: helpers.toSorted(), strange: [] });
        },
      ),
      { numRuns: IS_WHOLE ? 1000 : 40, endOnFailure: true, seed: 4 },
    );
  });

  test('does to packets what the rules mean, in both families', { timeout: 900_000 }, () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(rulesAround(Object.values(ENDS).flat(), [443, 5060, 21]), {
          minLength: 1,
          maxLength: 5,
          selector: ({ name }) => name,
        }),
        (rules) => {
          apply(rules);
          for (const family of [4, 6] as const)
            for (const [proto, port] of [['tcp', 443] as const, ['tcp', 21] as const, ['udp', 5060] as const]) {
              const meaning = meaningOf(rules, { packet: packet(family, proto, 40_000, port), in: 'lan', out: 'wan1' });
              const first = packet(family, proto, 40_000, port);
              const isKept = meaning.isTracked && !meaning.denied;
              const outcome = outcomeOf({ from: 'lan', packet: first }, stage.send('lan', first));
              const entry = stage.entry(first);
              const seen = {
                fate: outcome.text,
                isTracked: !outcome.passed.has('prerouting untracked'),
                helper: entry?.helper,
                idle: proto === 'udp' && entry ? Math.ceil(entry.timeoutSeconds! / 10) * 10 : undefined,
                midstream: fateOf(packet(family, proto, 41_000, port, ACK)),
              };
              expect({ family, proto, port, ...seen }).toEqual({
                family,
                proto,
                port,
                fate: meaning.denied ? FATES[proto === 'tcp' ? meaning.denied : 'drop'] : 'forwarded by wan1',
                isTracked: meaning.isTracked,
                helper: isKept ? meaning.helper : undefined,
                idle: proto === 'udp' && isKept ? (meaning.idleSeconds ?? 30) : undefined,
                midstream: midstreamOf(proto, meaning),
              });
            }
          stage.forget();
        },
      ),
      { numRuns: IS_WHOLE ? 1000 : 60, endOnFailure: true, seed: 5 },
    );
  });

  const guests = (limits: RuleLimits, name = 'guests'): PolicyRule => ({ name, match: { iif: ['lan'] }, limits });

  describe('a limit', () => {
    test.each([4, 6] as const)('of 20 lets 20 of 40 connections over IPv%i pass, and stays exact over reloads', (family) => {
      const rule = guests({ perSource: 20, answer: 'drop' });
      apply([rule]);
      expect(passing(family, 40, 30_000)).toBe(20);
      apply([rule]);
      expect(passing(family, 40, 31_000)).toBe(0);
      apply([{ name: 'other', match: { proto: 'udp' }, idleTimeoutSeconds: 60, helper: 'sip', mode: 'normal' }, rule], ['ftp']);
      expect(passing(family, 40, 32_000)).toBe(0);
      apply([guests({ perSource: 20, answer: 'reset' }, 'renamed')]);
      expect(fateOf(packet(family, 'tcp', 33_000, 443))).toBe('reset in forward');
      stage.forget();
      expect(passing(family, 40, 34_000)).toBe(20);
    });

    test.each([4, 6] as const)('per destination counts connections to it over IPv%i, from whomever they are', (family) => {
      apply([guests({ perDestination: 30, answer: 'reset' })]);
      expect(passing(family, 40, 30_000)).toBe(30);
      expect(fateOf(packet(family, 'udp', 30_000, 53))).toBe('dropped in forward');
      const other = { ...packet(family, 'tcp', 30_000, 443), dst: parseAddress(family === 4 ? '203.0.113.8' : '2001:db8:9::8')! };
      expect(fateOf(other)).toBe('forwarded by wan1');
    });

    test('that changes begins to count again, and another one beside it does not', () => {
      const [kept, changed] = [
        { ...guests({ perSource: 5, answer: 'drop' }, 'kept'), match: { proto: 'udp' } },
        guests({ perSource: 7, answer: 'drop' }),
      ];
      apply([kept, changed]);
      expect([passing(4, 10, 30_000, 'udp'), passing(4, 10, 30_000)]).toEqual([5, 7]);
      apply([kept, guests({ perSource: 3, answer: 'drop' })]);
      expect([passing(4, 10, 31_000, 'udp'), passing(4, 10, 31_000)]).toEqual([0, 3]);
    });

    test('is of the address and port that clients connect to, not of what they are translated to', () => {
      stage.run(
        'nft',
        ['-f', '-'],
        'table ip dn { chain pre { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to 10.0.0.6:80; }; }',
      );
      const sent = (n: number, dport: number): TestPacket => ({
        ...packet(4, 'tcp', 30_000 + n, dport),
        src: parseAddress('203.0.113.7')!,
        dst: parseAddress('198.18.0.2')!,
      });
      const ports = [
        { from: 8080, to: 8080 },
        { from: 9000, to: 9009 },
      ];
      apply([{ name: 'forwarded', match: { proto: 'tcp', dst: ['198.18.0.2'], dport: ports }, limits: { perSource: 2, answer: 'drop' } }]);
      const fates = [1, 2, 3].map((n) => fateOf(sent(n, 8080), 'wan1'));
      expect(fates.map((fate) => fate.split(' ').slice(0, 3).join(' '))).toEqual([
        'forwarded by lan',
        'forwarded by lan',
        'dropped in forward',
      ]);
      expect(fateOf(sent(4, 22), 'wan1')).toBe('received');
    });
  });

  test('what somebody else put into it is told, and goes with the next replacement', () => {
    const rules: PolicyRule[] = [
      guests({ perSource: 20, answer: 'drop' }),
      { name: 'b', match: { proto: 'tcp', dport: [{ from: 22, to: 22 }] }, mode: 'strict', idleTimeoutSeconds: 90 },
    ];
    apply(rules);
    stage.run(
      'nft',
      ['-f', '-'],
      `table inet ctfleet_policy {
        counter mine { }
        set banned { type inet_service; }
        map way { type ipv4_addr : verdict; elements = { 10.0.0.9 : jump pol_drop }; }
        chain extra { type filter hook forward priority 5; policy drop; ip saddr vmap @way; }
        chain pol_input { ip saddr 10.0.0.7 counter drop; }
      }`,
    );
    expect(rulesIn(stage.found()!).strange.toSorted()).toEqual([
      'in the chain extra there is a rule with vmap',
      'in the chain pol_input there is a rule with counter',
      'the chain extra is hooked otherwise than ours are',
      'the chain extra is not ours',
      'there is a counter mine',
      'there is a map way',
      'there is a set banned',
    ]);
    apply(rules);
    expect(rulesIn(stage.found()!)).toEqual({ rules: rules.map(canonicalRule), helpers: [], strange: [] });
  });

  test('a spared packet is let in by every rule', () => {
    const spared = [{ proto: 'tcp', src: ['203.0.113.7'], sport: [{ from: 8443, to: 8443 }] }];
    const rules: PolicyRule[] = [
      { name: 'a', match: { dst: ['198.51.100.0/24'] }, mode: 'off' },
      { name: 'b', match: {}, mode: 'strict' },
    ];
    const midstream = (sport: number): TestPacket => ({
      ...packet(4, 'tcp', sport, 50_000, ACK),
      src: parseAddress('203.0.113.7')!,
      dst: parseAddress('198.18.0.2')!,
    });
    stage.replace(rulesetOf({ rules, helpers: [], spared }));
    expect(fateOf(midstream(8443), 'wan1')).toBe('received');
    expect(fateOf(midstream(8444), 'wan1')).toBe('dropped in input');
    expect(rulesIn(stage.found()!)).toEqual({ rules, helpers: [], strange: [] });
  });

  test('without rules there is none', () => {
    apply([guests({ perSource: 20, answer: 'drop' })]);
    apply([]);
    expect(stage.found()).toBeUndefined();
  });
});
