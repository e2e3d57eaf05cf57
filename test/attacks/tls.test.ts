import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from '../../agent/link/certificate-request.ts';
import { enrol, parseJoinToken } from '../../agent/link/enrol.ts';
import type { Identity } from '../../agent/link/identity.ts';
import { makePlace, startWithOwner, TestController, type Person } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
/** An enrolled gateway: without its certificate the link port ends every connection, whatever its version. */
let gateway: Identity;

/** Enrols an agent with a key of its own. */
async function join(token: string): Promise<Identity> {
  const agent = { hostname: 'gw', version: '0' };
  const answer = await enrol(controller.enrolAddress, parseJoinToken(token), await makeKey(agent.hostname), agent);
  if (answer.kind !== 'enrolled') throw new Error('it waits for approval');
  return answer.identity;
}

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner());
  gateway = await join((await makePlace(owner, 'Acme', 'gw1')).joinToken);
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

/** What a handshake comes to: the version and the cipher, or that it failed. */
async function handshake(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: gateway.ca,
    servername: 'controller.ctfleet',
    cert: gateway.certificate,
    key: gateway.key,
    ALPNProtocols: ['h2'],
    ...options,
  });
  socket.on('error', () => undefined);
  try {
    await Promise.race([once(socket, 'secureConnect'), once(socket, 'close').then(() => Promise.reject(new Error('closed')))]);
    return `${socket.getProtocol()} ${socket.getCipher().standardName}`;
  } catch {
    return 'refused';
  } finally {
    socket.destroy();
  }
}

describe.each(['enrolPort', 'linkPort'] as const)('the port of agents (%s)', (which) => {
  const port = (): number => controller.running.ports[which]!;

  it('speaks TLS 1.3 with whoever can, and 1.2 with others', async () => {
    expect(await handshake(port(), {})).toBe('TLSv1.3 TLS_AES_256_GCM_SHA384');
    expect(await handshake(port(), { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384');
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('refuses %s', async (version) => {
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' };
    expect(await handshake(port(), old)).toBe('refused');
  });

  it.each([
    'ECDHE-ECDSA-AES128-SHA',
    'ECDHE-ECDSA-AES256-SHA',
    'ECDHE-ECDSA-AES128-SHA256',
    'ECDHE-ECDSA-AES256-SHA384',
    'AES128-SHA',
    'AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-NULL-SHA',
    'AECDH-AES128-SHA',
    'PSK-AES128-GCM-SHA256',
  ])('refuses %s, which lacks forward secrecy, authenticated encryption or our certificate', async (ciphers) => {
    expect(await handshake(port(), { maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` })).toBe('refused');
  });

  it('has a key of 256 bits on P-256 and a signature with SHA-256', async () => {
    const socket = connect({ host: '127.0.0.1', port: port(), rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    const { asn1Curve, bits } = socket.getPeerCertificate() as { asn1Curve?: string; bits?: number };
    socket.destroy();
    expect([asn1Curve, bits]).toEqual(['prime256v1', 256]);
  });

  it('never falls back to plain text', async () => {
    const socket = connectPlain(port(), '127.0.0.1');
    socket.on('error', () => undefined);
    let heard = '';
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
    await once(socket, 'connect');
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await once(socket, 'close');
    // An alert of TLS at most, no frame of HTTP/2.
    expect(heard.length).toBeLessThan(8);
  });
});

it('an agent says nothing to a controller that its token does not name', async () => {
  const parts = (await makePlace(owner, 'Pinned', 'gw2')).joinToken.split('.');
  const other = [...parts.slice(0, 3), 'A'.repeat(43)].join('.');
  await expect(join(other)).rejects.toThrow('Nothing was sent to it');
  // The token was not used up by that.
  expect(await join(parts.join('.'))).toMatchObject({ gatewayName: 'gw2' });
});
