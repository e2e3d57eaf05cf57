import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const SCRIPT = fileURLToPath(new URL('../../support/observe-wans.ts', import.meta.url));
const why = Namespace.why();

describe.skipIf(why !== undefined)(`WANs of a real gateway${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  const ip = (...args: string[]): string => namespace.run('ip', ...args);
  /** A separate process: /sys shows the interfaces of the namespace it was mounted in. */
  const observe = (): unknown => JSON.parse(namespace.run(process.execPath, SCRIPT));

  beforeAll(() => {
    namespace = Namespace.create('cta');
    for (const [name, address] of [
      ['wan1', '198.18.0.12/24'],
      ['wan2', '198.19.0.12/24'],
    ] as const) {
      ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}peer`);
      ip('link', 'set', `${name}peer`, 'up');
      ip('link', 'set', name, 'up');
      ip('addr', 'add', address, 'dev', name);
    }
    ip('addr', 'add', '2001:db8:1::12/64', 'dev', 'wan1', 'nodad');
    ip('route', 'add', 'default', 'via', '198.18.0.1', 'metric', '100');
    ip('route', 'add', 'default', 'via', '198.19.0.1', 'metric', '200');
    ip('-6', 'route', 'add', 'default', 'via', '2001:db8:1::1', 'dev', 'wan1');
  });
  afterAll(() => namespace.remove());

  test('interfaces with a default route are WANs, with their addresses, and the best of them carries traffic', () => {
    expect(observe()).toEqual([
      { name: 'backup', interface: 'wan2', addresses: ['198.19.0.12'], isUp: true, carriesDefaultRoute: false, nextHop: '198.19.0.1' },
      {
        name: 'wan1',
        interface: 'wan1',
        addresses: ['198.18.0.12', '2001:db8:1::12'],
        isUp: true,
        carriesDefaultRoute: true,
        nextHop: '198.18.0.1',
      },
    ]);
  });

  test('when the first is switched off, the other carries traffic', () => {
    ip('link', 'set', 'wan1', 'down');
    expect(observe()).toEqual([
      { name: 'backup', interface: 'wan2', addresses: ['198.19.0.12'], isUp: true, carriesDefaultRoute: true, nextHop: '198.19.0.1' },
    ]);
  });

  const carries = (): unknown[] =>
    (observe() as { interface: string; nextHop?: string; carriesDefaultRoute: boolean }[]).map(
      ({ interface: device, nextHop, carriesDefaultRoute }) => [device, nextHop, carriesDefaultRoute],
    );

  test('every next hop of a multipath route carries traffic, except one whose link is down', () => {
    ip('link', 'set', 'wan1', 'up');
    ip('route', 'flush', 'default');
    ip(
      'route',
      'add',
      'default',
      'metric',
      '10',
      'nexthop',
      'via',
      '198.18.0.1',
      'dev',
      'wan1',
      'nexthop',
      'via',
      '198.19.0.1',
      'dev',
      'wan2',
    );
    expect(carries()).toEqual([
      ['wan2', '198.19.0.1', true],
      ['wan1', '198.18.0.1', true],
    ]);
    ip('link', 'set', 'wan1', 'down');
    expect(carries()).toEqual([['wan2', '198.19.0.1', true]]);
    ip('link', 'set', 'wan1', 'up');
  });

  test('a route whose link has no carrier still carries traffic, unless the kernel is told to ignore it', async () => {
    ip('route', 'flush', 'default');
    for (const [n, device] of [
      [18, 'wan1'],
      [19, 'wan2'],
    ] as const)
      ip('route', 'add', 'default', 'via', `198.${n}.0.1`, 'dev', device, 'metric', String(n));
    ip('link', 'set', 'wan1peer', 'down');
    await until('the link has no carrier', () => ip('link', 'show', 'wan1').includes('NO-CARRIER') || undefined);
    expect(carries()).toEqual([
      ['wan2', '198.19.0.1', false],
      ['wan1', '198.18.0.1', true],
    ]);
    namespace.sysctl('net.ipv4.conf.wan1.ignore_routes_with_linkdown', 1);
    expect(carries()).toEqual([['wan2', '198.19.0.1', true]]);
  });
});
