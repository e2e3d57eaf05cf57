import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { endListed, listExpectations } from '../../../agent/link/expectation-answers.ts';
import type { ExpectationsEnded } from '../../../proto/gen/ctfleet/v1/policy.ts';
import { HELPERS, type HelperPort } from '../../../proto/model/policy/helpers.ts';
import { IPS } from '../../../proto/model/status.ts';
import { fromWireExpectation } from '../../../proto/wire/expectation.ts';
import { readActual } from '../../../agent/policies/reading/read-actual.ts';
import { ftpPort, PPTP, sipInvite, sipTaken, TFTP_READ } from '../../support/helper-talk.ts';
import { Namespace } from '../../support/namespace.ts';
import { ACK, Connection, ENDS, FORWARDED, PolicyTrial, SYN } from '../../support/policy-trial.ts';
import { OPEN_GUARD } from '../../support/open-guard.ts';

const WANTED = ['ftp', 'sip', 'tftp', 'pptp'] as const;
const why = Namespace.why();
/** Lets sessions begin, and of the rest only what a helper expects. */
const FIREWALL = `table inet fw {
  chain passing {
    type filter hook forward priority filter; policy drop;
    ct state { established, related } accept
    iifname "lan" ct state new tcp dport { 21, 1723 } accept
    iifname "lan" ct state new udp dport { 69, 5060 } accept
  }
}`;
const DROPPED = 'dropped in forward';
const ASK = { limit: 100 };

describe.skipIf(why !== undefined)(`a helper that a policy assigns${why ? ` (skipped: ${why})` : ''}`, () => {
  let trial: PolicyTrial;
  beforeAll(() => {
    trial = new PolicyTrial('ctw-helpers');
  });
  beforeEach(async () => {
    trial.stage.reset();
    trial.firewall(FIREWALL);
    for (const helper of WANTED) hold(helper);
    await trial.apply({ helpers: [...WANTED] });
  });
  afterEach(() => trial.reset());
  afterAll(() => trial?.end());

  /** A helper that is built in without parameters is known by an object of it alone. One that the kernel does not have stays unknown. */
  function hold(helper: (typeof WANTED)[number]): void {
    const [{ proto }] = HELPERS[helper]!.ports as [HelperPort];
    try {
      trial.firewall(`table ip own_${helper} { ct helper held { type "${helper}" protocol ${proto}; l3proto ip; }; }`);
    } catch {
      expect(has(helper)).toBe(false);
    }
  }

  /** As they are told over the link: who expects what, in words. */
  async function expected(): Promise<string[]> {
    const { expectations } = await listExpectations(trial, ASK);
    return expectations
      .map(fromWireExpectation)
      .map(({ helper, orig, mask, master }) => {
        const from = mask.sport ? `${orig.src} port ${orig.sport}` : orig.src;
        return `${helper}: ${from} to ${orig.dst} port ${orig.dport ?? orig.dstKey}, by port ${master.orig.sport}`;
      })
      .toSorted();
  }

  /** Deletes all over the code of the link. */
  async function endAll(): Promise<ExpectationsEnded> {
    const deps = { table: trial.table, guard: OPEN_GUARD, context: () => ({ wans: [], protections: [] }) };
    return endListed(deps, await listExpectations(trial, ASK), new AbortController().signal);
  }

  const isRelated = async (port: number): Promise<boolean> => {
    const { rows } = await trial.table.search({ filter: { kind: 'everything' }, context: { wans: [], protections: [] }, limit: 100 });
    const flow = rows.find(({ orig }) => orig.dport === port);
    return flow !== undefined && (flow.status & IPS.EXPECTED) !== 0 && flow.master !== undefined;
  };
  const has = (helper: string): boolean => readActual().actual.helpers.some(({ name }) => name === helper);
  const skipWithout = (context: { skip(note: string): void }, helper: string): void => {
    if (!has(helper)) context.skip(`this kernel has no helper ${helper}`);
  };

  describe.each([4, 6] as const)('over IPv%i', (family) => {
    const [client, server] = ENDS[family];

    /** An FTP session whose client waits for data. */
    function announce(dataPort: number, sport = 40_000): void {
      const control = new Connection(trial, family, sport, 21);
      control.open();
      control.say('wan1', '220 ready\r\n');
      control.say('lan', 'USER someone\r\n'); // the helper reads lines from the second on
      expect(control.say('lan', ftpPort(family, client, dataPort))).toEqual([FORWARDED.lan, FORWARDED.wan1]);
    }
    const dataTo = (port: number): string => trial.send('wan1', family, 'tcp', { sport: 20, dport: port, tcpFlags: SYN });

    test('ftp: the data of active mode is expected, related, and passes a firewall that lets in only that', async (context) => {
      skipWithout(context, 'ftp');
      expect(dataTo(50_123)).toBe(DROPPED);
      announce(50_123);
      expect(await expected()).toEqual([`ftp: ${server} to ${client} port 50123, by port 40000`]);
      expect(dataTo(50_124)).toBe(DROPPED);
      expect(dataTo(50_123)).toBe(FORWARDED.wan1);
      expect(await isRelated(50_123)).toBe(true);
      expect(await expected()).toEqual([]);
    });

    test('ftp: data whose expectation was deleted is refused, and the session goes on', async (context) => {
      skipWithout(context, 'ftp');
      announce(50_125);
      expect(await endAll()).toEqual({ deleted: 1, gone: 0, failed: 0 });
      expect(dataTo(50_125)).toBe(DROPPED);
      announce(50_126, 40_001);
      expect(dataTo(50_126)).toBe(FORWARDED.wan1);
    });

    test('tftp: what is read comes from another port of the server', async (context) => {
      skipWithout(context, 'tftp');
      const block = (sport: number) => trial.send('wan1', family, 'udp', { sport, dport: 40_010, payload: Buffer.from('\0\x03\0\x01x') });
      expect(block(31_000)).toBe(DROPPED);
      expect(trial.send('lan', family, 'udp', { sport: 40_010, dport: 69, payload: TFTP_READ })).toBe(FORWARDED.lan);
      expect(await expected()).toEqual([`tftp: ${server} to ${client} port 40010, by port 40010`]);
      expect(block(31_000)).toBe(FORWARDED.wan1);
      expect(await isRelated(40_010)).toBe(true);
      trial.send('lan', family, 'udp', { sport: 40_010, dport: 69, payload: TFTP_READ });
      expect(await endAll()).toEqual({ deleted: 1, gone: 0, failed: 0 });
      expect(block(31_001)).toBe(DROPPED);
    });

    test('sip: the audio of a call passes both ways from where its messages say, and no other', async (context) => {
      skipWithout(context, 'sip');
      const ports = { sport: 5060, dport: 5060 };
      const invite = sipInvite(client, server, 4000);
      expect(trial.send('lan', family, 'udp', { ...ports, payload: Buffer.from(invite) })).toBe(FORWARDED.lan);
      expect(trial.send('wan1', family, 'udp', { ...ports, payload: Buffer.from(sipTaken(client, server, 6000)) })).toBe(FORWARDED.wan1);
      expect(await expected()).toEqual(
        [
          `sip: ${client} to ${server} port 6000, by port 5060`,
          `sip: ${client} to ${server} port 6001, by port 5060`,
          `sip: ${server} to ${client} port 4000, by port 5060`,
          `sip: ${server} to ${client} port 4001, by port 5060`,
        ].toSorted(),
      );
      const audio = (from: 'lan' | 'wan1', sport: number, dport: number) => trial.send(from, family, 'udp', { sport, dport });
      expect([audio('wan1', 6000, 4000), audio('wan1', 6000, 4002), audio('lan', 4000, 6002)]).toEqual([FORWARDED.wan1, DROPPED, DROPPED]);
      expect(await isRelated(4000)).toBe(true);
      expect(await endAll()).toMatchObject({ failed: 0 });
      expect(audio('wan1', 6000, 4001)).toBe(DROPPED);
    });
  });

  test('pptp: the tunnel of a call passes both ways by its call ids, and no other', async (context) => {
    skipWithout(context, 'pptp');
    const [clientCall, serverCall] = [4242, 777];
    const gre = (from: 'lan' | 'wan1', callId: number) => trial.send(from, 4, 'gre', { callId, payload: Buffer.from('ppp') });
    const control = new Connection(trial, 4, 40_020, 1723);
    control.open();
    control.say('lan', PPTP.startRequest());
    control.say('wan1', PPTP.startReply());
    expect(gre('lan', serverCall)).toBe(DROPPED);
    control.say('lan', PPTP.callRequest(clientCall));
    control.say('wan1', PPTP.callReply(serverCall, clientCall));
    const [client, server] = ENDS[4];
    expect(await expected()).toEqual(
      [
        `pptp: ${client} to ${server} port ${serverCall}, by port 40020`,
        `pptp: ${server} to ${client} port ${clientCall}, by port 40020`,
      ].toSorted(),
    );
    expect([gre('lan', serverCall), gre('wan1', clientCall), gre('wan1', clientCall + 1)]).toEqual([
      FORWARDED.lan,
      FORWARDED.wan1,
      DROPPED,
    ]);
    expect(control.segment('lan', ACK)).toBe(FORWARDED.lan);
  });

  test('without the policy nothing is expected', async () => {
    await trial.changes.restore('without');
    const control = new Connection(trial, 4, 40_030, 21);
    control.open();
    control.say('lan', 'USER someone\r\n');
    control.say('lan', ftpPort(4, ENDS[4][0], 50_130));
    expect(await expected()).toEqual([]);
  });
});
