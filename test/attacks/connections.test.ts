import net from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../proto/http/routes.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';
import type { FakeAgent } from '../support/controller-fake-agent.ts';
import { eventually } from '../support/controller-fleet.ts';
import { HostileAgent } from '../support/hostile-agent.ts';
import { RawHttp2 } from '../support/raw-http2.ts';

/** Attackers come from this address; everyone else comes from 127.0.0.1. */
const ATTACKER = '127.0.0.66';

let fleet: AttackedFleet;
let honest: FakeAgent;
const sockets: net.Socket[] = [];

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  honest = await fleet.honest(await fleet.gateway('Acme', 'gw1'));
});
afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));
afterAll(async () => {
  honest.disconnect();
  await fleet.stop();
});

/** Opens connections and sends nothing on them; returns how many are still open after the last attempt. */
async function holdOpen(count: number, address: string): Promise<() => number> {
  const [host, port] = address.split(':');
  const opened = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<net.Socket>((resolve) => {
          const socket = net.connect({ host, port: Number(port), localAddress: ATTACKER });
          sockets.push(socket);
          socket.once('connect', () => resolve(socket));
          socket.once('error', () => resolve(socket));
          socket.on('close', () => resolve(socket));
        }),
    ),
  );
  return () => opened.filter((socket) => !socket.destroyed && socket.readyState === 'open').length;
}

describe('whoever opens connections and sends nothing', () => {
  it('gets only a few of them on the enrolment port, while others enrol and people work', async () => {
    const open = await holdOpen(450, fleet.controller.enrolAddress);
    await eventually('those above the limit are cut', async () => open() <= 50 || undefined);
    await fleet.gateway('Late', 'late');
    await eventually('both are listed', async () => (await fleet.owner.call(routes.listGateways)).total > 1 || undefined);
    await eventually('the others are cut within 10 s', async () => open() === 0 || undefined);
  });

  it('gets only a few of them on the link port, while gateways are served', async () => {
    const open = await holdOpen(700, fleet.controller.linkAddress);
    await eventually('those above the limit are cut', async () => open() <= 500 || undefined);
    expect(
      (await fleet.owner.call(routes.searchFlows, { body: { filter: 'proto:udp', scope: { gateways: [honest.gatewayId] } } })).total,
    ).toBe(5);
  });

  it('is also cut after a TLS handshake without a call, and on a session without a hello', async () => {
    const [host, port] = fleet.controller.enrolAddress.split(':');
    const socket = connectTls({
      host: host!,
      port: Number(port),
      ca: fleet.controller.root,
      checkServerIdentity: () => undefined,
      ALPNProtocols: ['h2'],
    });
    const isCut = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)));
    socket.on('error', () => undefined).resume();
    const silent = new HostileAgent(await fleet.gateway('Silent', 'silent'));
    silent.dial(fleet.controller.linkAddress);
    expect(await silent.ended).toMatchObject({ code: 'INVALID_REQUEST', details: 'No hello was received within 10 s.' });
    expect(await isCut).toBe(true);
  });
});

describe('one connection', () => {
  it.each(['/ctfleet.v1.Enrolment/Enrol', '/no/such.call'])('that opens and resets thousands of calls of %s is cut', async (callPath) => {
    const raw = await RawHttp2.open(fleet.controller.enrolAddress);
    let calls = 0;
    for (; calls < 5000 && !raw.isClosed; calls++) {
      raw.begin(callPath);
      raw.reset();
      if (calls % 20 === 0) await new Promise(setImmediate);
    }
    await eventually('it is cut', async () => raw.isClosed || undefined);
    expect(
      (await fleet.owner.call(routes.searchFlows, { body: { filter: 'proto:udp', scope: { gateways: [honest.gatewayId] } } })).total,
    ).toBe(5);
  });

  it('that has already made a call and now sends a request byte by byte is cut', async () => {
    const raw = await RawHttp2.open(fleet.controller.enrolAddress);
    raw.begin('/ctfleet.v1.Enrolment/Enrol');
    raw.data(Buffer.alloc(5), true);
    await eventually('the first call is answered', async () => raw.received > 100 || undefined);
    raw.begin('/ctfleet.v1.Enrolment/Enrol');
    raw.data(Buffer.from([0, 0, 0, 1, 0]), false);
    await eventually('it is cut', async () => {
      raw.data(Buffer.alloc(1), false);
      return raw.isClosed || undefined;
    });
  });
});
