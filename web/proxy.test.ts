import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NextRequest } from 'next/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GET } from './app/api/[...path]/route.ts';
import config from './next.config.ts';
import { proxy } from './proxy.ts';

const page = () => proxy(new NextRequest('https://fleet.example.net/connections'));

describe('a page', () => {
  it('runs scripts with its own nonce only, and is framed by nobody', () => {
    const policy = page().headers.get('content-security-policy')!;
    for (const directive of ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"])
      expect(policy.split('; ')).toContain(directive);
    expect(policy).toMatch(/script-src 'self' 'nonce-[A-Za-z0-9+/]{24}' 'strict-dynamic'(?:;|$)/);
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    const nonces = Array.from({ length: 100 }, () => /nonce-([^']+)/.exec(page().headers.get('content-security-policy')!)![1]);
    expect(new Set(nonces).size).toBe(100);
  });

  it('demands HTTPS for a year, is kept by no cache, and tells no other site its address', () => {
    const { headers } = page();
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('the console', () => {
  it('says the same of the files of its build, and nothing of its framework', async () => {
    const all = await config.headers!();
    expect(all.map(({ source }) => source)).toEqual(['/_next/static/:path*', '/icon.svg']);
    for (const { headers } of all) {
      const of = Object.fromEntries(headers.map(({ key, value }) => [key, value]));
      expect(of).toMatchObject({
        'x-content-type-options': 'nosniff',
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'referrer-policy': 'same-origin',
      });
      expect(of['content-security-policy']).toContain("frame-ancestors 'none'");
    }
    expect(config.poweredByHeader).toBe(false);
  });

  it('publishes no source maps', () => {
    expect(config.productionBrowserSourceMaps ?? false).toBe(false);
  });
});

describe('a request that is passed on to the controller', () => {
  let server: Server;
  const heard: (string | undefined)[] = [];
  const ask = () => GET(new Request('https://fleet.example.net/api/v1/me'));
  beforeAll(async () => {
    server = createServer((request, response) => {
      heard.push(request.url);
      response.writeHead(307, { location: '/api/elsewhere' }).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    process.env.CTFLEET_API_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    delete process.env.CTFLEET_API_URL;
    server.close();
  });

  it('follows no redirect', async () => {
    const answer = await ask();
    expect([answer.status, answer.headers.get('location'), heard]).toEqual([307, '/api/elsewhere', ['/api/v1/me']]);
  });

  it('is answered with the same headers when the controller is away', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const { status, headers } = await ask();
    expect([status, headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([503, 'no-store', 'nosniff']);
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(headers.get('strict-transport-security')).toContain('max-age=31536000; includeSubDomains');
  });
});
