import type { z } from 'zod';
import type { auditEntry } from '../../proto/http/audit.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import type { FlowRow } from '../../proto/http/flows.ts';
import type { person } from '../../proto/http/people.ts';
import type { Flush } from '../../proto/http/flushes.ts';
import type { getRetention } from '../../proto/http/retention.ts';

/** An invented fleet for browser tests, the same every time: numbers follow from names and indexes, times from `nowMs`. */
export const id = (kind: number, number: number) => `019ab000-000${kind}-7000-8000-${String(number).padStart(12, '0')}`;
const ago = (nowMs: number, seconds: number) => new Date(nowMs - seconds * 1000).toISOString();

const TENANTS = [
  ['Harbour Clinics', ['Milano', 'Genova']],
  ['Pine Logistics', ['Lyon', 'Nice', 'Caen']],
  ['Lakeside Hotels', ['Porto']],
  ['Orchard Schools', ['Utrecht']],
] as const;

export function fixtureTenants(nowMs: number) {
  return TENANTS.map(([name, sites], index) => ({
    id: id(1, index + 1),
    name,
    colour: index + 1,
    gateways: sites.length * 3,
    demandsSecondFactor: false,
    createdAt: ago(nowMs, 9e6),
  }));
}

export function fixtureSites(nowMs: number) {
  return TENANTS.flatMap(([, sites], tenant) =>
    sites.map((name, index) => ({
      id: id(2, tenant * 10 + index + 1),
      tenantId: id(1, tenant + 1),
      name,
      timeZone: 'Europe/Rome',
      gateways: 3,
      createdAt: ago(nowMs, 9e6),
    })),
  );
}

export function fixtureGateways(nowMs: number): Gateway[] {
  const sites = fixtureSites(nowMs);
  return sites.flatMap((site, at) =>
    [1, 2, 3].map((number) =>
      gatewayOf(nowMs, site, TENANTS[Number(site.tenantId.at(-1)) - 1]![0], at * 3 + number, `${site.name.toLowerCase()}-gw${number}`),
    ),
  );
}

/** So many more gateways of the first site, which all do well. */
export function moreGateways(nowMs: number, count: number): Gateway[] {
  const [site] = fixtureSites(nowMs);
  return Array.from({ length: count }, (_, index) => gatewayOf(nowMs, site!, TENANTS[0][0], 1000 + index, `more-gw${index + 1}`));
}

function gatewayOf(
  nowMs: number,
  site: { id: string; tenantId: string; name: string },
  tenantName: string,
  number: number,
  name: string,
): Gateway {
  const isOffline = name === 'caen-gw1';
  const isFilling = name === 'lyon-gw1';
  const isStranded = name === 'milano-gw1';
  const share = isFilling ? 0.84 : ((number * 37) % 60) / 100 + 0.05;
  const max = 262_144;
  const count = Math.round(max * share);
  const part = (fraction: number) => Math.round(count * fraction);
  return {
    id: id(3, number),
    tenantId: site.tenantId,
    tenantName,
    siteId: site.id,
    siteName: site.name,
    name,
    tags: number % 3 === 0 ? ['voip'] : [],
    state: isOffline ? 'offline' : 'online',
    since: ago(nowMs, isOffline ? 2160 : 6360),
    certificate: {
      generation: 4,
      endsAt: ago(nowMs, isOffline ? 900 : -4 * 86_400),
      renewableUntil: ago(nowMs, -90 * 86_400),
      isOverdue: isOffline,
    },
    agentVersion: '0.1.0',
    kernel: '6.12.43',
    tableKind: 'kernel',
    capabilities: {
      can: ['search', 'delete', 'samples', 'events'],
      cannot: number % 4 === 0 ? { 'byte counters': 'net.netfilter.nf_conntrack_acct is 0' } : {},
    },
    guard:
      number % 3 === 1
        ? { isReadOnly: false, methods: [], mostPercentOfTable: 50, isBuiltIn: true, protected: [] }
        : {
            isReadOnly: false,
            methods: ['delete', 'expire'],
            mostDeletesAMinute: 20_000,
            mostPercentOfTable: 30,
            isBuiltIn: false,
            protected: ['dst:198.51.100.10 dport:5060'],
          },
    wans: [
      {
        name: 'WAN1',
        interface: 'eth1',
        addresses: [`203.0.113.${number}`],
        isUp: !isStranded,
        carriesDefaultRoute: !isStranded,
        flows: isStranded ? 208 : part(0.68),
      },
      {
        name: 'WAN2',
        interface: 'eth2',
        addresses: [`198.51.100.${number}`],
        isUp: true,
        carriesDefaultRoute: isStranded,
        flows: part(0.3),
      },
    ],
    usage: {
      at: ago(nowMs, isOffline ? 2160 : 3),
      count,
      max,
      buckets: 65_536,
      perMinute: isFilling ? 1500 : 12,
      ...(isFilling && { minutesToFull: 27 }),
      ...(name === 'porto-gw2' && { lost: 400, drops: 400, insertFailed: 12 }),
      byProto: { tcp: part(0.7), udp: part(0.25), icmp: part(0.03), gre: part(0.02) },
      byState: isFilling
        ? { TIME_WAIT: part(0.61), ESTABLISHED: part(0.24), SYN_SENT: part(0.04), NONE: part(0.11) }
        : { ESTABLISHED: part(0.55), TIME_WAIT: part(0.2), NONE: part(0.25) },
      byWan: { WAN1: part(0.68), WAN2: part(0.3) },
      topSources: [1, 2, 3, 4, 5, 6].map((host) => ({
        address: `10.${number}.3.${host * 4}`,
        flows: Math.round(count / (host * host * 3)),
      })),
      translations: [
        { address: '203.0.113.7', proto: 'udp', flows: part(0.5) },
        { address: '203.0.113.7', proto: 'tcp', flows: part(0.18) },
        { address: '198.51.100.7', proto: 'tcp', flows: part(0.3) },
      ],
      breakdownAt: ago(nowMs, 8),
      cpus: [0, 1, 2, 3].map((cpu) => ({
        cpu,
        insertFailed: cpu === 2 ? 37 : 0,
        drop: 0,
        earlyDrop: 0,
        searchRestart: cpu === 2 ? 2812 : 98 + cpu * 6,
      })),
    },
  };
}

/** Retention periods, and twelve tables from gigabytes to nothing. */
export function fixtureRetention(): z.output<typeof getRetention.response> {
  const names = [
    'sample',
    'sample_minute',
    'plan_flows',
    'audit_entry',
    'sample_hour',
    'run_flows',
    'command',
    'audit_checkpoint',
    'flush_target',
    'flush',
    'gateway',
    'session',
  ];
  return {
    days: { samples: 7, minutes: 30, hours: 400, flows: 30, commands: 90, plans: 400, tokens: 90, answers: 1, audit: 400 },
    tables: names.map((name, index) => ({
      name,
      rows: Math.floor(84_000_000 / 6 ** index),
      bytes: Math.floor(12_400_000_000 / 5 ** index),
    })),
  };
}

/** One gateway's samples between two times, with an hour missing in the middle of any span longer than two. */
export function fixtureSamples(nowMs: number, gateway: Gateway, fromMs: number, toMs: number, points: number) {
  const step = Math.max(10_000, (toMs - fromMs) / points);
  const gap = toMs - fromMs > 7_200_000 ? { from: fromMs + (toMs - fromMs) * 0.4, to: fromMs + (toMs - fromMs) * 0.47 } : undefined;
  const { usage } = gateway;
  if (!usage) return { resolutionSeconds: Math.round(step / 1000), points: [], gaps: [] };
  const all = [];
  for (let at = fromMs; at <= Math.min(toMs, nowMs); at += step) {
    if (gap && at > gap.from && at < gap.to) continue;
    const age = (nowMs - at) / 3_600_000;
    const count = Math.round(usage.count * (0.62 + 0.38 * Math.exp(-age * 1.4) + 0.03 * Math.sin(at / 2e6)));
    const share = Object.entries(usage.byState!).map(
      ([state, flows]) =>
        [state, Math.round((flows / usage.count) * count * (state === 'TIME_WAIT' ? 0.5 + 0.5 * Math.exp(-age) : 1))] as const,
    );
    all.push({
      at: new Date(at).toISOString(),
      count,
      countMax: count,
      max: age > 4 ? 196_608 : usage.max,
      drop: 0,
      earlyDrop: 0,
      insertFailed: 0,
      byState: Object.fromEntries(share),
      byProto: Object.fromEntries(
        Object.entries(usage.byProto!).map(([proto, flows]) => [proto, Math.round((flows / usage.count) * count)]),
      ),
    });
  }
  return {
    resolutionSeconds: Math.round(step / 1000),
    points: all,
    gaps: gap ? [{ from: new Date(gap.from).toISOString(), to: new Date(gap.to).toISOString() }] : [],
  };
}

/** The flows of one gateway: SIP on a WAN that may be down, web, DNS, one each of GRE, ICMP and IPv6, and the agent's own, protected. */
export function fixtureFlows(nowMs: number, gateway: Gateway, most: number): FlowRow[] {
  const wan = gateway.wans[0]!;
  return Array.from({ length: most }, (_, index): FlowRow => {
    const source = `10.20.${4 + (index >> 7)}.${11 + ((index * 3) % 120)}`;
    const isReplied = index % 3 !== 0;
    const base = {
      gatewayId: gateway.id,
      id: 1_000_000 * Number(gateway.id.slice(-3)) + index,
      family: 4 as const,
      mark: 0x100,
      zone: 0,
      labels: [],
      wan: wan.name,
      stale: wan.isUp === false ? ('route-moved' as const) : ('no' as const),
      startedAt: ago(nowMs, 60 + ((index * 977) % 90_000)),
      origPackets: String(61 + index),
      origBytes: String(20_100 + index * 731),
      replyPackets: isReplied ? String(50 + index) : '0',
      replyBytes: isReplied ? String(83_500 + index * 511) : '0',
      idleSeconds: (index * 7) % 26,
    };
    const words = [isReplied ? 'replied' : 'unreplied', ...(isReplied ? ['assured'] : []), 'snat', 'confirmed'];
    if (index === 0)
      return {
        ...base,
        proto: 'tcp',
        state: 'ESTABLISHED',
        status: ['replied', 'assured', 'confirmed'],
        orig: { src: wan.addresses[0]!, dst: '192.0.2.10', sport: 40_001, dport: 8443 },
        reply: { src: '192.0.2.10', dst: wan.addresses[0]!, sport: 8443, dport: 40_001 },
        timeoutSeconds: 431_000,
        protectedBy: 'agent channel to the controller',
      };
    if (index === 3)
      return {
        ...base,
        proto: 'gre',
        status: words,
        orig: { src: source, dst: '198.51.100.77', srcKey: 0, dstKey: 4711 },
        reply: { src: '198.51.100.77', dst: wan.addresses[0]!, srcKey: 4711, dstKey: 0 },
        timeoutSeconds: 170,
      };
    if (index === 5)
      return {
        ...base,
        proto: 'icmp',
        status: words,
        orig: { src: source, dst: '198.51.100.9', icmp: { type: 8, code: 0, id: 4242 } },
        reply: { src: '198.51.100.9', dst: wan.addresses[0]!, icmp: { type: 0, code: 0, id: 4242 } },
        timeoutSeconds: 28,
      };
    if (index === 7)
      return {
        ...base,
        family: 6,
        proto: 'tcp',
        state: 'ESTABLISHED',
        status: ['replied', 'assured', 'offload', 'confirmed'],
        orig: { src: '2001:db8:20:4:a11c:7fff:fe21:1', dst: '2001:db8:ffff:1::443', sport: 51_234, dport: 443 },
        reply: { src: '2001:db8:ffff:1::443', dst: '2001:db8:20:4:a11c:7fff:fe21:1', sport: 443, dport: 51_234 },
      };
    if (index % 4 === 1)
      return {
        ...base,
        proto: 'tcp',
        state: isReplied ? (index % 8 === 1 ? 'TIME_WAIT' : 'ESTABLISHED') : 'SYN_SENT',
        status: words,
        orig: { src: source, dst: '192.0.2.61', sport: 41_000 + index, dport: 443 },
        reply: { src: '192.0.2.61', dst: wan.addresses[0]!, sport: 443, dport: 41_000 + index },
        timeoutSeconds: 110,
      };
    return {
      ...base,
      proto: 'udp',
      status: words,
      orig: { src: source, dst: index % 5 === 0 ? '198.51.100.21' : '198.51.100.20', sport: 5060, dport: index % 5 === 0 ? 5061 : 5060 },
      reply: { src: index % 5 === 0 ? '198.51.100.21' : '198.51.100.20', dst: wan.addresses[0]!, sport: 5060, dport: 34_000 + index },
      timeoutSeconds: 24 + (index % 90),
    };
  });
}

export function fixtureAudit(nowMs: number, flushes: Flush[]): z.output<typeof auditEntry>[] {
  const night = { kind: 'user' as const, id: 'u1', name: 'night desk' };
  const hash = (seq: number) => String(seq).padStart(4, '0').repeat(16);
  const entry = (seq: number, secondsAgo: number, over: Partial<z.output<typeof auditEntry>>): z.output<typeof auditEntry> => ({
    id: id(7, seq),
    seq,
    at: ago(nowMs, secondsAgo),
    tenantId: id(1, 2),
    tenantName: 'Pine Logistics',
    actor: night,
    action: 'flush.target-finished',
    outcome: 'ok',
    summary: '',
    detail: {},
    hash: hash(seq),
    previousHash: hash(seq - 1),
    ...over,
  });
  return [
    ...flushes.slice(0, 1).map((flush) =>
      entry(41, 40, {
        action: 'flush.started',
        summary: `night desk began to delete ${flush.totals.planned} flows on ${flush.targets.length} gateways`,
        flushId: flush.id,
        planId: flush.planId,
        ticket: flush.ticket,
        reason: flush.reason,
      }),
    ),
    entry(40, 900, {
      action: 'flush.target-finished',
      outcome: 'ok',
      summary: 'night desk flushed 309 of 312 UDP flows by WAN1 at Porto, 3 gone already, verified',
      ticket: '8841',
      planId: id(5, 1),
      reason: 'WAN1 down at Porto',
    }),
    entry(39, 2160, {
      action: 'session.lost',
      outcome: 'failed',
      actor: { kind: 'gateway', id: 'g', name: 'caen-gw1' },
      summary: 'caen-gw1 went silent, last sample 36 % full',
    }),
    entry(38, 4000, {
      action: 'flush.target-finished',
      outcome: 'partial',
      summary: 'night desk flushed 88 of 96 flows at Utrecht, 8 reappeared',
      tenantName: 'Orchard Schools',
      ticket: '8837',
      planId: id(5, 1),
    }),
    entry(37, 90_000, { action: 'session.signed-in', summary: 'night desk signed in' }),
    entry(36, 90_100, { action: 'session.refused', outcome: 'refused', summary: 'Sign-in refused for night desk' }),
  ];
}

/** An owner, an operator of one tenant who was invited, and somebody who has left for a while. */
export function fixturePeople(nowMs: number): z.output<typeof person>[] {
  const at = (hoursAgo: number): string => new Date(nowMs - hoursAgo * 3_600_000).toISOString();
  return [
    {
      id: id(9, 1),
      name: 'night desk',
      email: 'night@example.net',
      state: 'active',
      grants: [{ role: 'owner', tenantId: null }],
      directoryGrants: [],
      groupGrants: [],
      methods: ['password', 'passkey'],
      createdAt: at(900),
      lastSignInAt: at(1),
    },
    {
      id: id(9, 2),
      name: 'Ada Okafor',
      email: 'ada@example.net',
      state: 'invited',
      grants: [{ role: 'operator', tenantId: id(1, 1) }],
      directoryGrants: [],
      groupGrants: [],
      methods: [],
      createdAt: at(3),
      link: { expiresAt: at(-69), createdBy: 'night desk' },
    },
    {
      id: id(9, 3),
      name: 'Lars Berg',
      email: 'lars@example.net',
      state: 'suspended',
      grants: [
        { role: 'viewer', tenantId: id(1, 1) },
        { role: 'auditor', tenantId: id(1, 2) },
      ],
      directoryGrants: [{ role: 'operator', tenantId: id(1, 2), provider: 'Pine ID' }],
      groupGrants: [],
      methods: ['password', 'totp'],
      createdAt: at(500),
      lastSignInAt: at(240),
    },
  ];
}
