import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KernelPolicies } from '../../../agent/policies/reading/kernel-policies.ts';
import { parseAddress } from '../../../proto/model/address.ts';
import type { TrackingExplanation } from '../../../proto/model/policy/gateway-reading.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const why = Namespace.why();
const CLIENT = { 4: '10.7.0.2', 6: 'fd07::2' } as const;
const SERVER = { 4: '198.18.0.1', 6: 'fd18::1' } as const;
const [PORT, MARKER] = [5060, 9];
/** Makes the kernel track, and drops what has left by `sink`. */
const TRACKING = `table inet base {
  chain tracked { type filter hook forward priority filter; ct state new accept; }
  chain gone { type filter hook prerouting priority raw - 1; iifname "hole" drop; }
}`;

let gateway: Namespace;
let client: Namespace;
let leave: () => void;

beforeAll(() => {
  if (why !== undefined) return;
  gateway = Namespace.createWithSink('ctw-expl-gw');
  client = Namespace.create('ctw-expl-cl');
  gateway.run('ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', client.name);
  for (const line of [
    'link set lan up',
    'addr add 10.7.0.1/24 dev lan',
    'addr add fd07::1/64 dev lan nodad',
    'addr add fd09::1/128 dev sink nodad',
    'route add fd18::/64 dev sink',
  ])
    gateway.run('ip', ...line.split(' '));
  for (const line of [
    'link set eth0 up',
    'addr add 10.7.0.2/24 dev eth0',
    'addr add fd07::2/64 dev eth0 nodad',
    'route add default via 10.7.0.1',
    'route add default via fd07::1',
  ])
    client.run('ip', ...line.split(' '));
  gateway.sysctl('net.ipv4.ip_forward', 1);
  gateway.sysctl('net.ipv6.conf.all.forwarding', 1);
  leave = gateway.enter();
});
afterAll(() => {
  leave?.();
  gateway?.remove();
  client?.remove();
});
beforeEach(() => {
  if (why !== undefined) return;
  gateway.nft(`flush ruleset\n${TRACKING}`);
  gateway.run('conntrack', '-F');
});

function explain(family: 4 | 6, options: { src?: string; dst?: string; dport?: number } = {}): Promise<TrackingExplanation> {
  const { src = CLIENT[family], dst = SERVER[family], dport = PORT } = options;
  return new KernelPolicies().explain(
    { proto: PROTOCOLS.udp, src: parseAddress(src)!, dst: parseAddress(dst)!, dport },
    new AbortController().signal,
  );
}

function entries(family: 4 | 6, port: number): string {
  return gateway.run('conntrack', '-L', '-f', family === 4 ? 'ipv4' : 'ipv6', '-p', 'udp', '--dport', String(port));
}

/** Whether a real packet of the client gets an entry. One more that does for certain tells that it has been through. */
async function hasEntry(family: 4 | 6, dst: string = SERVER[family]): Promise<boolean> {
  client.run('bash', '-c', `echo x > /dev/udp/${dst}/${PORT}; echo x > /dev/udp/${SERVER[family]}/${MARKER}`);
  await until('the marker is tracked', () => entries(family, MARKER) || undefined);
  return entries(family, PORT) !== '';
}

const TABLE = (family: 4 | 6): string => (family === 4 ? 'ip' : 'ip6');

describe.skipIf(why !== undefined).each([4, 6] as const)(`why IPv%i traffic has no entry${why ? ` (skipped: ${why})` : ''}`, (family) => {
  test('what no rule exempts or drops gets one, by the way that the routes say', async () => {
    expect(await explain(family)).toEqual({ outcome: 'tracked', iif: 'lan', oif: 'sink' });
    expect(await hasEntry(family)).toBe(true);
  });

  test('the notrack rule that it meets is named, in a chain that another one jumps to', async () => {
    gateway.nft(`table inet fw {
      chain exempt { th dport 5061 notrack; udp dport ${PORT} notrack comment "phones"; }
      chain pre { type filter hook prerouting priority raw; meta l4proto udp jump exempt; }
    }`);
    const explanation = await explain(family);
    expect(explanation).toMatchObject({ outcome: 'untracked', hook: 'prerouting' });
    expect(explanation.rule).toMatch(/^inet fw exempt handle \d+: .*notrack \(phones\)$/);
    expect(await hasEntry(family)).toBe(false);
  });

  test('the notrack rule of iptables-nft is named, for the interface that it is about', async () => {
    const add = (device: string): string =>
      gateway.run(
        family === 4 ? 'iptables-nft' : 'ip6tables-nft',
        '-t',
        'raw',
        '-A',
        'PREROUTING',
        '-i',
        device,
        '-p',
        'udp',
        '-j',
        'CT',
        '--notrack',
      );
    add('other');
    expect(await explain(family)).toMatchObject({ outcome: 'tracked' });
    expect(await hasEntry(family)).toBe(true);
    gateway.run('conntrack', '-F');
    gateway.nft(`add rule ${TABLE(family)} raw PREROUTING udp dport ${MARKER} accept`);
    add('lan');
    expect(await explain(family)).toMatchObject({ outcome: 'untracked', rule: expect.stringContaining(`${TABLE(family)} raw PREROUTING`) });
    expect(await hasEntry(family)).toBe(false);
  });

  test('a packet that is dropped on its way leaves no entry, and the rule is named', async () => {
    gateway.nft(
      `table inet fw { chain passing { type filter hook forward priority filter + 1; oifname "sink" udp dport ${PORT} drop; }; }`,
    );
    expect(await explain(family)).toMatchObject({
      outcome: 'dropped',
      hook: 'forward',
      rule: expect.stringContaining('inet fw passing'),
      oif: 'sink',
    });
    expect(await hasEntry(family)).toBe(false);
  });

  test('a packet to the gateway itself meets its input chains', async () => {
    const own = family === 4 ? '10.7.0.1' : 'fd07::1';
    expect(await explain(family, { dst: own })).toEqual({ outcome: 'tracked', iif: 'lan' });
    gateway.nft(`table inet fw { chain arriving { type filter hook input priority filter; udp dport ${PORT} drop; }; }`);
    expect(await explain(family, { dst: own })).toMatchObject({ outcome: 'dropped', hook: 'input' });
    expect(await hasEntry(family, own)).toBe(false);
  });

  test('a forwarded port is followed to where it leads', async () => {
    const other = family === 4 ? '198.18.7.7' : 'fd18::7';
    gateway.nft(`table inet fw {
      chain to { type nat hook prerouting priority dstnat;
        udp dport ${PORT} dnat ${TABLE(family)} to ${family === 4 ? other : `[${other}]`}:7000; }
      chain passing { type filter hook forward priority filter; ${TABLE(family)} daddr ${other} udp dport 7000 drop; }
    }`);
    expect(await explain(family)).toMatchObject({ outcome: 'dropped', hook: 'forward', rule: expect.stringContaining('inet fw passing') });
    expect(await hasEntry(family)).toBe(false);
  });

  test('what the gateway itself sends meets its output chains', async () => {
    const own = family === 4 ? '10.9.0.1' : 'fd09::1';
    gateway.nft(`table inet fw { chain out { type filter hook output priority raw; oifname "sink" udp dport ${PORT} notrack; }; }`);
    expect(await explain(family, { src: own })).toMatchObject({ outcome: 'untracked', hook: 'output', oif: 'sink' });
    gateway.run('bash', '-c', `echo x > /dev/udp/${SERVER[family]}/${PORT}; echo x > /dev/udp/${SERVER[family]}/${MARKER}`);
    expect([entries(family, PORT), entries(family, MARKER)]).toEqual(['', expect.stringContaining('udp')]);
  });

  test('where no route leads there is no entry', async () => {
    gateway.run('ip', '-6', 'route', 'add', 'unreachable', 'fd66::/64', 'metric', '5');
    const nowhere = family === 4 ? '203.0.113.9' : 'fd66::9';
    expect(await explain(family, { dst: nowhere })).toMatchObject({ outcome: 'dropped', rule: 'the routes: none leads there' });
    expect(await hasEntry(family, nowhere)).toBe(false);
    gateway.run('ip', '-6', 'route', 'del', 'unreachable', 'fd66::/64', 'metric', '5');
  });

  test('a rule that decides by what is not known is said to, with its name', async () => {
    gateway.nft(`table inet fw { chain pre { type filter hook prerouting priority raw; limit rate 1/second notrack; }; }`);
    expect(await explain(family)).toMatchObject({ outcome: 'unknown', hook: 'prerouting', rule: expect.stringContaining('limit decides') });
  });
});
