import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseAddress } from '../../../proto/model/address.ts';
import type { PolicyRule, RuleLimits } from '../../../proto/model/policy/document.ts';
import { Namespace } from '../../support/namespace.ts';
import { Connection, FORWARDED, PolicyTrial, SYN, type Family } from '../../support/policy-trial.ts';
import type { TestPacket } from '../../support/rules/frame.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();
const DROPPED = 'dropped in forward';
const limited = (limits: Omit<RuleLimits, 'answer'>): PolicyRule => ({
  name: 'guests',
  match: { iif: ['lan'] },
  limits: { ...limits, answer: 'drop' },
});

describe.skipIf(why !== undefined)(`a limit, by what it does to packets${why ? ` (skipped: ${why})` : ''}`, () => {
  let trial: PolicyTrial;
  beforeAll(() => {
    trial = new PolicyTrial('ctw-limits');
  });
  beforeEach(() => trial.stage.reset());
  afterEach(() => trial.reset());
  afterAll(() => trial?.end());

  describe.each([4, 6] as const)('over IPv%i', (family) => {
    const begin = (port: number): TestPacket => trial.packet('lan', family, 'tcp', { sport: port, dport: 443, tcpFlags: SYN });
    const passes = (packet: TestPacket): boolean => trial.fate('lan', packet) === FORWARDED.lan;
    /** How many of so many new ones pass. */
    const passing = (tries: number, packetOf: (n: number) => TestPacket): number =>
      Array.from({ length: tries }, (_, n) => packetOf(n)).filter(passes).length;

    test('of a source lets exactly so many pass, and one that is deleted frees exactly one place', async () => {
      const opened = new Connection(trial, family, 50_000, 443);
      opened.open();
      await trial.apply({ rules: [limited({ perSource: 20 })] });
      expect(passing(40, (n) => begin(30_000 + n))).toBe(20);
      // What was there before the limit is untouched.
      expect(opened.say('lan', 'still here\r\n')).toEqual([FORWARDED.lan, FORWARDED.wan1]);
      await freed(31_000, begin);
    });

    test('of a destination lets exactly so many pass, from whomever, and one that is deleted frees exactly one place', async () => {
      const opened = new Connection(trial, family, 50_000, 443);
      opened.open();
      await trial.apply({ rules: [limited({ perDestination: 30 })] });
      const fromMany = (port: number): TestPacket => ({ ...begin(port), src: hostOf(family, port) });
      expect(passing(40, (n) => fromMany(30_000 + n))).toBe(30);
      expect(opened.say('lan', 'still here\r\n')).toEqual([FORWARDED.lan, FORWARDED.wan1]);
      const elsewhere = { ...fromMany(30_200), dst: parseAddress(family === 4 ? '203.0.113.8' : '2001:db8:9::8')! };
      expect(passes(elsewhere)).toBe(true);
      await freed(31_000, fromMany);
    });

    test('refuses no packet of a connection that passed or was there before, replied to or not, while others are refused', async () => {
      const datagram = (sport: number): TestPacket => trial.packet('lan', family, 'udp', { sport, dport: 514 });
      expect(passes(datagram(29_000))).toBe(true);
      await trial.apply({ rules: [limited({ perSource: 3 })] });
      expect(passing(10, (n) => datagram(30_000 + n))).toBe(3);
      for (let round = 0; round < 10; round++) {
        expect(passing(10, (n) => datagram(31_000 + 10 * round + n))).toBe(0);
        expect([29_000, 30_000, 30_001, 30_002].map((sport) => passes(datagram(sport)))).toEqual([true, true, true, true]);
      }
    });

    test('that stays the same forgets nothing when the policy is put in force again with other rules', async () => {
      await trial.apply({ rules: [limited({ perSource: 20 })] });
      await trial.confirm();
      expect(passing(40, (n) => begin(30_000 + n))).toBe(20);
      const other: PolicyRule = {
        name: 'web',
        match: { proto: 'tcp', dport: [{ from: 80, to: 80 }] },
        mode: 'strict',
        idleTimeoutSeconds: 90,
      };
      for (const rules of [[other, limited({ perSource: 20 })], [{ ...limited({ perSource: 20 }), name: 'renamed' }]]) {
        await trial.apply({ rules });
        expect(passing(20, (n) => begin(31_000 + n))).toBe(0);
        await trial.confirm();
      }
      await trial.apply({});
      await trial.confirm();
      expect(passes(begin(32_000))).toBe(true);
    });

    /** Deletes one flow; then one of many that begin passes, and no other. */
    async function freed(firstPort: number, packetOf: (port: number) => TestPacket): Promise<void> {
      let port = firstPort;
      expect(passes(packetOf(port++))).toBe(false);
      const [flow] = (await flows()).filter(({ orig }) => orig.sport === 30_005);
      expect(await trial.table.delete([flow!])).toEqual(['deleted']);
      // The kernel looks for ended connections once in a tick of its clock.
      await until('a place is free', () => passes(packetOf(port++)) || undefined);
      expect(passing(20, (n) => packetOf(port + n))).toBe(0);
    }

    async function flows() {
      return (await trial.table.search({ filter: { kind: 'everything' }, context: { wans: [], protections: [] }, limit: 500 })).rows;
    }
  });

  test('names what it refuses in no entry: refused connections leave none', async () => {
    await trial.apply({ rules: [limited({ perSource: 1 })] });
    for (let port = 30_000; port < 30_010; port++) trial.send('lan', 4, 'udp', { sport: port, dport: 53 });
    expect(trial.send('lan', 4, 'udp', { sport: 30_010, dport: 53 })).toBe(DROPPED);
    expect(await trial.table.count()).toBe(1);
  });
});

/** Another client for each number. */
function hostOf(family: Family, n: number): Uint8Array {
  return parseAddress(family === 4 ? `10.0.0.${100 + (n % 100)}` : `fd00:1::${(0x1000 + n).toString(16)}`)!;
}
