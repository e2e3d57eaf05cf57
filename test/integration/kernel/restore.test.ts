import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange, withTable } from '../../../agent/conntrack/ctnetlink/exchange.ts';
import { CTA_NAT_SRC, CTA_NAT_V4_MAXIP, CTA_NAT_V4_MINIP, CT_NEW } from '../../../agent/conntrack/wire/constants.ts';
import { encodeCreate } from '../../../agent/conntrack/wire/requests.ts';
import { addressBytes } from '../../../agent/conntrack/wire/tuple.ts';
import { AttributeWriter } from '../../../agent/netlink/attributes.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from '../../../agent/netlink/constants.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { FORWARDED_PORT } from '../../lab/rules.ts';
import { runIn } from '../../lab/namespace.ts';
import { clientAddress, externalAddress, SERVERS } from '../../lab/topology.ts';
import type { Conversation } from '../../support/conversation.ts';
import { Namespace } from '../../support/namespace.ts';
import { StrictGateway } from '../../support/strict-gateway.ts';
import { until } from '../../support/until.ts';

const [server] = SERVERS as [string];
const why = Namespace.why();

describe.skipIf(why !== undefined)(`flows restored on a strict gateway${why ? ` (skipped: ${why})` : ''}`, () => {
  let gateway: StrictGateway;
  const talk = (kind: 'tcp' | 'udp', client: number, port: number): Promise<Conversation> =>
    gateway.converse('lan', 'open', 'talk.ts', kind, clientAddress(1, client), 40_000, server, port);
  const isSamePath = (now: Flow, before: Flow): void => {
    const translation = IPS.SRC_NAT | IPS.DST_NAT;
    expect([now.orig, now.reply, now.state, now.status & translation]).toEqual([
      before.orig,
      before.reply,
      before.state,
      before.status & translation,
    ]);
  };

  /** Packets that the gateway did not let through because no entry knew them. */
  const dropped = (): number => {
    const chain = runIn(gateway.name, 'nft', ['list', 'chain', 'inet', 'gw', 'lab_forward']);
    return [/!= syn counter packets (\d+)/, /ct state invalid counter packets (\d+)/].reduce(
      (sum, counter) => sum + Number(counter.exec(chain)?.[1] ?? 0),
      0,
    );
  };

  beforeAll(async () => {
    gateway = await StrictGateway.start('ctg-restore');
  });
  afterAll(() => gateway.end());

  test('TCP through a source translation that chose another port continues on the same port', async () => {
    const first = await talk('tcp', 1, 7);
    const second = await talk('tcp', 2, 7);
    await first.exchange('one');
    await second.exchange('two');
    const before = await gateway.flow(`proto:tcp src:${clientAddress(1, 2)}`);
    expect([before.reply.dst, before.reply.dport === 40_000]).toEqual([externalAddress(1, 1), false]);

    expect(await gateway.table.delete([before])).toEqual(['deleted']);
    second.say('into the wall');
    await until('the strict gateway dropped what was said', () => dropped() > 0 || undefined);
    expect(second.unheard).toEqual([]);

    expect(await gateway.table.restore([before])).toEqual(['restored']);
    await second.heard('into the wall');
    await second.exchange('and on');
    isSamePath(await gateway.flow(`proto:tcp src:${clientAddress(1, 2)}`), before);
    expect(gateway.untranslated()).toBe(0);
  });

  test('TCP through a port forward continues, whichever side speaks first', async () => {
    const inside = await gateway.converse('lan', 'serving', 'echo.ts', clientAddress(1, 0), 443);
    const outside = await gateway.converse('inet', 'open', 'talk.ts', 'tcp', server, 41_000, externalAddress(1, 1), FORWARDED_PORT);
    await outside.exchange('hello');
    const before = await gateway.flow(`dport:${FORWARDED_PORT}`);
    expect(before.reply).toMatchObject({ src: clientAddress(1, 0), sport: 443 });
    expect(await gateway.table.delete([before])).toEqual(['deleted']);
    expect(await gateway.table.restore([before])).toEqual(['restored']);
    inside.say('from the server');
    await outside.heard('from the server');
    await outside.exchange('from the client');
    isSamePath(await gateway.flow(`dport:${FORWARDED_PORT}`), before);
  });

  test('UDP through a source translation that chose another port continues on the same port', async () => {
    const first = await talk('udp', 1, 9000);
    const second = await talk('udp', 2, 9000);
    await first.exchange('one');
    await second.exchange('two');
    const before = await gateway.flow(`proto:udp dport:9000 src:${clientAddress(1, 2)}`);
    expect(before.reply.dport).not.toBe(40_000);
    expect(await gateway.table.delete([before])).toEqual(['deleted']);
    expect(await gateway.table.restore([before])).toEqual(['restored']);
    await second.exchange('three');
    isSamePath(await gateway.flow(`proto:udp dport:9000 src:${clientAddress(1, 2)}`), before);
  });

  test('an interrupted download is back at its full window after it is restored', async () => {
    const one = await talk('tcp', 3, 7);
    await one.exchange('begin');
    const before = await gateway.flow(`proto:tcp src:${clientAddress(1, 3)}`);
    await gateway.table.delete([before]);
    await gateway.table.restore([before]);
    // Far more than a window of 64 KB, which is all that a tracker without the scale would let through.
    const long = 'x'.repeat(4_000_000);
    one.say(long);
    await one.heard(long);
  });

  test.each([6, 7, 8])(
    'client %i’s transfer, cut with data in flight both ways, continues at the window scale its ends negotiated',
    async (client) => {
      const one = await talk('tcp', client, 7);
      await one.exchange('begin');
      const filter = `proto:tcp src:${clientAddress(1, client)}`;
      const begun = await gateway.flow(filter);
      const long = 'y'.repeat(60_000_000);
      one.say(long);
      let before = begun;
      // A look-up takes a fraction of the time of a search, which could outlast the whole transfer.
      while (before.replyCounters!.bytes < 2_000_000n)
        [before = begun] = await gateway.table.lookup([begun], { wans: [], protections: [] });
      const droppedBefore = dropped();
      expect(await gateway.table.delete([before])).toEqual(['deleted']);
      await until('the strict gateway dropped what was in flight', () => dropped() > droppedBefore + 3 || undefined);
      expect(await gateway.table.restore([before])).toEqual(['restored']);
      await one.heard(long, 30_000);
      const after = await gateway.flow(filter);
      expect(after.tracker?.windowScale).toEqual(before.tracker?.windowScale);
      expect(before.tracker?.windowScale?.orig).toBeGreaterThan(0);
    },
  );

  test('a flow that traffic has re-created is left as it is', async () => {
    const one = await talk('udp', 4, 9000);
    await one.exchange('before');
    const before = await gateway.flow(`proto:udp src:${clientAddress(1, 4)}`);
    await gateway.table.delete([before]);
    await one.exchange('again');
    const anew = await gateway.flow(`proto:udp src:${clientAddress(1, 4)}`);
    expect(await gateway.table.restore([before])).toEqual(['exists']);
    expect((await gateway.flow(`proto:udp src:${clientAddress(1, 4)}`)).id).toBe(anew.id);
  });

  test('a ping through a source translation is restored with the id that the translation chose', async () => {
    const before: Flow = {
      family: 4,
      proto: 1,
      zone: 0,
      id: 0,
      mark: 0,
      labels: [],
      status: IPS.SEEN_REPLY | IPS.CONFIRMED | IPS.SRC_NAT,
      timeoutSeconds: 30,
      orig: { src: clientAddress(1, 5), dst: server, icmp: { type: 8, code: 0, id: 77 } },
      reply: { src: server, dst: externalAddress(1, 1), icmp: { type: 0, code: 0, id: 4711 } },
    };
    expect(await gateway.table.restore([before])).toEqual(['restored']);
    expect((await gateway.flow(`proto:icmp src:${clientAddress(1, 5)}`)).reply).toEqual(before.reply);
  });

  /** The kernel accepts both, and both look right. */
  describe.each([
    ['the translated reply tuple alone', 20, (body: Uint8Array) => body],
    [
      'the translated reply tuple with CTA_NAT_SRC',
      30,
      (body: Uint8Array, { reply }: Flow) => {
        const out = new AttributeWriter();
        const address = addressBytes(reply.dst);
        out.nested(CTA_NAT_SRC, () => {
          out.bytes(CTA_NAT_V4_MINIP, address);
          out.bytes(CTA_NAT_V4_MAXIP, address);
        });
        return Buffer.concat([body, out.finish()]);
      },
    ],
  ])('an entry made with %s', (_, firstClient, bodyOf) => {
    test.each(['tcp', 'udp'] as const)('looks the same and does not translate %s', async (kind) => {
      const client = kind === 'tcp' ? firstClient : firstClient + 1;
      const one = await talk(kind, client, kind === 'tcp' ? 7 : 9000);
      try {
        await one.exchange('before');
        const filter = `proto:${kind} src:${clientAddress(1, client)}`;
        const before = await gateway.flow(filter);
        await gateway.table.delete([before]);
        const wrong = bodyOf(encodeCreate({ ...before, labels: undefined, status: before.status & ~IPS.SRC_NAT }), before);
        expect(
          withTable((socket) => exchange(socket, CT_NEW, [wrong], 'each', NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL)).replies[0]!.errno,
        ).toBe(0);
        const listed = await gateway.flow(filter);
        expect([listed.orig, listed.reply, listed.state]).toEqual([before.orig, before.reply, before.state]);
        const leaked = gateway.untranslated();
        one.say('after');
        await until('a packet left with the LAN address', () => gateway.untranslated() > leaked || undefined);
        expect(one.unheard).toEqual([]);
        await gateway.table.delete([listed]);
      } finally {
        await one.end();
      }
    });
  });
});
