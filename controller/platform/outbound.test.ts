import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatAddress, parsePrefix } from '../../proto/model/address.ts';
import { DAY_MS, EC } from '../identity/certificates.ts';
import { isPublic, Outbound, type OutboundOptions } from './outbound.ts';

const LOOPBACK = [parsePrefix('127.0.0.1')!];
const servers: Server[] = [];
const tls = { cert: '', key: '' };

beforeAll(async () => {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=hooks.example',
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: EC,
    keys,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'hooks.example' }])],
  });
  tls.cert = certificate.toString('pem');
  tls.key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
});
afterEach(() => servers.splice(0).forEach((server) => (server.closeAllConnections(), server.close())));

/** The port of a server that answers so. */
async function serve(answer: RequestListener, isTls = false): Promise<number> {
  const server = isTls ? createTlsServer(tls, answer) : createServer(answer);
  servers.push(server as Server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const post = (url: string, options: Partial<OutboundOptions> = {}): Promise<string> =>
  new Outbound({ allowed: LOOPBACK, ...options }).post({ url, headers: { 'x-id': '7' }, body: 'hello' });
const at = (port: number, name = '127.0.0.1', protocol = 'http'): string => `${protocol}://${name}:${port}/hook`;

describe('what is sent', () => {
  it('comes whole, and the answer is one printable line', async () => {
    let got = '';
    const port = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (got += chunk.toString()));
      request.on('end', () => response.end(`${request.headers['x-id']} \u001b[31mtaken\nyes`));
    });
    expect(await post(at(port))).toBe(String.raw`200: 7 \u{1b}[31mtaken\u{a}yes`);
    expect(got).toBe('hello');
  });

  it.each([
    [404, true],
    [401, true],
    [410, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ])('is refused with %i, for good: %s', async (status, isPermanent) => {
    const port = await serve((_, response) => response.writeHead(status, { 'retry-after': '90' }).end('no'));
    await expect(post(at(port))).rejects.toMatchObject({ message: `${status}: no`, isPermanent, retryAfterMs: 90_000 });
  });

  it('follows no redirect', async () => {
    const asked: string[] = [];
    const port = await serve((request, response) => {
      asked.push(request.url!);
      response.writeHead(307, { location: 'http://127.0.0.1:1/else' }).end();
    });
    await expect(post(at(port))).rejects.toMatchObject({ isPermanent: true, message: expect.stringContaining('not followed') });
    expect(asked).toEqual(['/hook']);
  });

  it('reads no more than the beginning of an answer that never ends', async () => {
    const port = await serve((_, response) => {
      const more = (): void => void (response.destroyed || response.write('x'.repeat(65_536), more));
      more();
    });
    expect((await post(at(port))).length).toBeLessThan(400);
  });

  it('says that nobody listens', async () => {
    const port = await serve(() => undefined);
    servers.splice(0).forEach((server) => server.close());
    await expect(post(at(port))).rejects.toMatchObject({ isPermanent: false, message: expect.stringContaining('Nobody listens there') });
  });
});

describe('TLS', () => {
  const resolve = async (): Promise<string[]> => ['127.0.0.1'];

  it('is by the name, and to the address that the name was resolved to', async () => {
    const port = await serve((request, response) => response.end(request.headers.host), true);
    expect(await post(at(port, 'hooks.example', 'https'), { resolve, ca: tls.cert })).toBe(`200: hooks.example:${port}`);
  });

  it.each([
    ['of another name', 'other.example', () => tls.cert, 'Its certificate is for another name'],
    ['that nobody trusted has signed', 'hooks.example', () => undefined, 'Its certificate is signed by itself'],
  ])('with a certificate %s is no TLS', async (_, name, ca, words) => {
    let isAsked = false;
    const port = await serve(() => (isAsked = true), true);
    const options = { resolve, ...(ca() !== undefined && { ca: ca()! }) };
    await expect(post(at(port, name, 'https'), options)).rejects.toMatchObject({
      isPermanent: false,
      message: expect.stringContaining(words),
    });
    expect(isAsked).toBe(false);
  });
});

describe('F40', () => {
  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://169.254.169.254/latest/meta-data',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://100.64.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
  ])('dials no address that is not public, however it is written: %s', async (url) => {
    for (const one of [url, url.replace('http:', 'https:')])
      await expect(post(one, { allowed: [] })).rejects.toMatchObject({
        isPermanent: true,
        message: expect.stringContaining('is not a public address'),
      });
  });

  it('dials the address that it has judged, whatever the name means a moment later', async () => {
    const port = await serve((_, response) => response.end('inside'));
    let asked = 0;
    // The first answer is allowed; a second look-up would lead elsewhere.
    const resolve = async (): Promise<string[]> => [asked++ === 0 ? '127.0.0.1' : '127.0.0.2'];
    expect(await post(at(port, 'rebinding.example'), { resolve })).toBe('200: inside');
    expect(asked).toBe(1);
  });

  it('dials nothing at a name of which one address is not public', async () => {
    const resolve = async (): Promise<string[]> => ['93.184.216.34', '10.0.0.1'];
    await expect(post('https://two.example/', { allowed: [], resolve })).rejects.toThrow('10.0.0.1 is not a public address');
  });

  it('speaks without TLS only where the owner allows the address', async () => {
    const resolve = async (): Promise<string[]> => ['93.184.216.34'];
    await expect(post('http://public.example/', { resolve })).rejects.toThrow('Only https is used');
  });

  it('says when a name is unknown, and tries again', async () => {
    const resolve = async (): Promise<string[]> => Promise.reject(new Error('ENOTFOUND'));
    await expect(post('https://nowhere.example/', { resolve })).rejects.toMatchObject({
      isPermanent: false,
      message: 'The name nowhere.example cannot be resolved: ENOTFOUND',
    });
  });

  it('takes for public what is neither private, local, shared, documentation, multicast nor reserved, and nothing else', () => {
    for (const text of ['8.8.8.8', '93.184.216.34', '2606:2800:220:1::1', '100.128.0.1', '172.32.0.1', '192.0.1.1'])
      expect(isPublic(text)).toBe(true);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.constantFrom(0, 10, 127, 224, 239, 240, 255), ([, b, c, d], first) => {
        expect(isPublic(formatAddress(Uint8Array.of(first, b!, c!, d!)))).toBe(false);
      }),
    );
    // An IPv4 address inside one of IPv6 is no way around.
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (inner) => {
        const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...inner);
        const translated = Uint8Array.of(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, ...inner);
        expect(isPublic(formatAddress(mapped))).toBe(false);
        expect(isPublic(formatAddress(translated))).toBe(isPublic(formatAddress(inner)));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        if (bytes[0]! >> 5 !== 1 && !(bytes[0] === 0 && bytes[1] === 0x64)) expect(isPublic(formatAddress(bytes))).toBe(false);
      }),
    );
  });
});
