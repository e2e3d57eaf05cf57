import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Mode, PolicyRule } from '../../../proto/model/policy/document.ts';
import { Namespace } from '../../support/namespace.ts';
import { ACK, Connection, FORWARDED, PolicyTrial, SYN, type Family } from '../../support/policy-trial.ts';
import { encodePacket } from '../../support/rules/frame.ts';

const why = Namespace.why();
const ICMP = {
  4: { proto: 'icmp', request: 8, reply: 0, unreachable: 3 },
  6: { proto: 'icmpv6', request: 128, reply: 129, unreachable: 1 },
} as const;
/** Lets in what belongs to something, and what begins in the LAN. */
const FIREWALL = `table inet fw {
  chain passing {
    type filter hook forward priority filter; policy drop;
    ct state { established, related, untracked } accept
    iifname "lan" ct state new accept
  }
}`;
const DROPPED = 'dropped in forward';
const all = (mode: Mode): PolicyRule => ({ name: 'all', match: { iif: ['lan'] }, mode });

describe.skipIf(why !== undefined)(`a mode, by what it does to packets${why ? ` (skipped: ${why})` : ''}`, () => {
  let trial: PolicyTrial;
  beforeAll(() => {
    trial = new PolicyTrial('ctw-modes');
  });
  beforeEach(() => {
    trial.stage.reset();
    for (const [setting, value] of Object.entries({ tcp_loose: 1, tcp_be_liberal: 0, checksum: 1 })) trial.set(setting, value);
  });
  afterEach(() => trial.reset());
  afterAll(() => trial?.end());

  /** An ICMP error from the server's side about a packet of the client. */
  function error(family: Family, about: { sport: number; dport: number }): string {
    const { proto, unreachable } = ICMP[family];
    const payload = encodePacket(trial.packet('lan', family, 'udp', about));
    return trial.send('wan1', family, proto, { icmpType: unreachable, payload });
  }

  describe.each([4, 6] as const)('over IPv%i', (family) => {
    const { proto: icmp, request, reply } = ICMP[family];

    test('off: the reply is dropped until the reverse rule exists', async () => {
      trial.firewall(FIREWALL);
      const there: PolicyRule = { name: 'there', match: { proto: 'udp', iif: ['lan'], dport: [{ from: 4000, to: 4000 }] }, mode: 'off' };
      const back: PolicyRule = { name: 'back', match: { proto: 'udp', iif: ['wan1'], sport: [{ from: 4000, to: 4000 }] }, mode: 'off' };
      const ask = () => trial.send('lan', family, 'udp', { sport: 5000, dport: 4000 });
      const answer = () => trial.send('wan1', family, 'udp', { sport: 4000, dport: 5000 });
      await trial.apply({ rules: [there] });
      expect([ask(), answer()]).toEqual([FORWARDED.lan, DROPPED]);
      expect(trial.stage.entry(trial.packet('lan', family, 'udp', { sport: 5000, dport: 4000 }))).toBeUndefined();
      await trial.reset();
      trial.firewall(FIREWALL);
      await trial.apply({ rules: [there, back] });
      expect([ask(), answer(), answer()]).toEqual([FORWARDED.lan, FORWARDED.wan1, FORWARDED.wan1]);
      expect(await trial.table.count()).toBe(0);
    });

    test('loose: TCP that is seen from the middle on passes, both ways, and has an entry', async () => {
      trial.set('tcp_loose', 0);
      trial.firewall(FIREWALL);
      const joined = new Connection(trial, family, 40_000, 443);
      expect(joined.segment('lan', ACK)).toBe(DROPPED);
      await trial.apply({ rules: [all('loose')] });
      expect(trial.setting('tcp_loose')).toBe(1);
      expect([joined.segment('lan', ACK), joined.segment('wan1', ACK), joined.segment('lan', ACK)]).toEqual([
        FORWARDED.lan,
        FORWARDED.wan1,
        FORWARDED.lan,
      ]);
      expect(trial.stage.entry(trial.packet('lan', family, 'tcp', { sport: 40_000, dport: 443 }))?.state).toBe('ESTABLISHED');
    });

    test('normal: a handshake passes, and TCP that is seen from the middle on does not', async () => {
      const before = new Connection(trial, family, 40_000, 443);
      expect(before.segment('lan', ACK)).toBe(FORWARDED.lan);
      trial.stage.forget();
      await trial.apply({ rules: [all('normal')] });
      expect(new Connection(trial, family, 40_000, 443).segment('lan', ACK)).toBe(DROPPED);
      const opened = new Connection(trial, family, 40_001, 443);
      expect(opened.open()).toEqual([FORWARDED.lan, FORWARDED.wan1, FORWARDED.lan]);
      expect(opened.say('lan', 'GET /\r\n')).toEqual([FORWARDED.lan, FORWARDED.wan1]);
    });

    test('normal: an ICMP error about a connection passes, and one about none does not', async () => {
      expect(error(family, { sport: 5000, dport: 9 })).toBe(FORWARDED.wan1);
      await trial.apply({ rules: [all('normal')] });
      expect(trial.send('lan', family, 'udp', { sport: 5000, dport: 9 })).toBe(FORWARDED.lan);
      expect(error(family, { sport: 5000, dport: 9 })).toBe(FORWARDED.wan1);
      expect(error(family, { sport: 5001, dport: 9 })).toBe(DROPPED);
    });

    test('strict: a segment out of the window is dropped, and the connection goes on', async () => {
      trial.set('tcp_be_liberal', 1);
      const far = { seq: 1001 + 10_000_000, payload: Buffer.from('x') };
      const before = new Connection(trial, family, 40_000, 443);
      before.open();
      expect(before.segment('lan', ACK, far)).toBe(FORWARDED.lan);
      trial.stage.forget();
      await trial.apply({ rules: [all('strict')] });
      expect(trial.setting('tcp_be_liberal')).toBe(0);
      const opened = new Connection(trial, family, 40_001, 443);
      expect(opened.open()).toEqual([FORWARDED.lan, FORWARDED.wan1, FORWARDED.lan]);
      expect(opened.segment('lan', ACK, far)).toBe(DROPPED);
      expect(opened.segment('wan1', ACK, { ...far, seq: 5001 + 10_000_000 })).toBe(DROPPED);
      expect(opened.say('lan', 'GET /\r\n')).toEqual([FORWARDED.lan, FORWARDED.wan1]);
    });

    test.each(['tcp', 'udp'] as const)('strict: a %s packet with a wrong checksum is dropped', async (proto) => {
      trial.set('checksum', 0);
      const damaged = { sport: 40_000, dport: 443, tcpFlags: SYN, isDamaged: true };
      expect(trial.send('lan', family, proto, damaged)).toBe(FORWARDED.lan);
      trial.stage.forget();
      await trial.apply({ rules: [all('strict')] });
      expect(trial.send('lan', family, proto, damaged)).toBe(DROPPED);
      expect(trial.send('lan', family, proto, { ...damaged, isDamaged: false })).toBe(FORWARDED.lan);
    });

    test('strict: what does not begin with a SYN is dropped, whatever its flags', async () => {
      await trial.apply({ rules: [all('strict')] });
      const fates = [0, ACK, 1, 4, SYN | ACK, SYN].map((tcpFlags, n) =>
        trial.send('lan', family, 'tcp', { sport: 41_000 + n, dport: 443, tcpFlags }),
      );
      expect(fates).toEqual([...Array.from({ length: 5 }, () => DROPPED), FORWARDED.lan]);
    });

    test('strict: ICMP begins with a request', async () => {
      await trial.apply({ rules: [all('strict')] });
      expect(trial.send('lan', family, icmp, { icmpType: reply })).toBe(DROPPED);
      expect(trial.send('wan1', family, icmp, { icmpType: reply })).toBe(DROPPED);
      expect(trial.send('lan', family, icmp, { icmpType: request })).toBe(FORWARDED.lan);
      expect(trial.send('wan1', family, icmp, { icmpType: reply })).toBe(FORWARDED.wan1);
    });

    test('of one rule leaves what another rule is about alone', async () => {
      const strict: PolicyRule = { name: 'web', match: { proto: 'tcp', dport: [{ from: 443, to: 443 }] }, mode: 'strict' };
      const loose: PolicyRule = { name: 'rest', match: { proto: 'tcp' }, mode: 'loose' };
      await trial.apply({ rules: [strict, loose] });
      const fates = [443, 80].map((dport) => trial.send('lan', family, 'tcp', { sport: 40_000, dport, tcpFlags: ACK }));
      expect(fates).toEqual([DROPPED, FORWARDED.lan]);
    });
  });
});
