import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FlowRow } from '../../proto/http/flows.ts';
import { routes } from '../../proto/http/routes.ts';
import { protocolName } from '../../proto/model/protocol.ts';
import { runIn } from '../lab/namespace.ts';
import { externalAddress, WANS } from '../lab/topology.ts';
import { parseConntrackXml, type XmlFlow } from '../support/conntrack-xml.ts';
import { createEntries } from '../support/create-entries.ts';
import { enterNamespace } from '../support/namespace.ts';
import { entryOf, SAMPLE_ENTRIES } from '../support/sample-entries.ts';
import { startTestSystem } from '../support/system.ts';

/** In addition to the common ones: an entry in a zone of one direction, and one more protocol without ports. */
const MORE = [
  entryOf({ proto: 17, orig: { src: '10.1.0.45', dst: '198.51.100.20', sport: 1, dport: 2, zone: 5 }, timeoutSeconds: 900 }),
  entryOf({ proto: 89, orig: { src: '10.1.0.48', dst: '224.0.0.5' }, timeoutSeconds: 900 }),
];

let running: Awaited<ReturnType<typeof startTestSystem>>;
let gatewayId: string;

beforeAll(async () => {
  running = await startTestSystem({ gateways: 1, withTraffic: false });
  gatewayId = (await running.system.api.call(routes.listGateways, { query: { limit: 1 } })).items[0]!.id;
  const leave = enterNamespace(running.system.lab!.names.gateway(1));
  try {
    // Some live for only a few seconds, and may be gone on a busy machine before both have been asked.
    createEntries([...SAMPLE_ENTRIES, ...MORE].map((entry) => ({ ...entry, timeoutSeconds: (entry.timeoutSeconds ?? 0) + 600 })));
  } finally {
    leave();
  }
});
afterAll(() => running?.end());

/** All rows, three to a page. */
async function search(filter: string): Promise<FlowRow[]> {
  const rows: FlowRow[] = [];
  let cursor: string | undefined;
  do {
    const page = await running.system.api.call(routes.searchFlows, {
      body: { filter, scope: { gateways: [gatewayId] }, limit: 3, cursor },
    });
    expect(page.rows.length).toBeLessThanOrEqual(3);
    rows.push(...page.rows);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return rows.filter(isQuiet);
}

/** Entries that the test made; the agent's own connection and its pings through the WANs keep counting. */
const isQuiet = ({ orig: { src, dport } }: { orig: { src: string; dport?: number } }) =>
  dport !== 4443 && dport !== 4444 && !WANS.some((wan) => src === externalAddress(1, wan));
const listed = (): XmlFlow[] =>
  parseConntrackXml(runIn(running.system.lab!.names.gateway(1), 'conntrack', ['-L', '-o', 'xml,id,ktimestamp'])).filter(isQuiet);

/** What both say about a flow, in one shape. Remaining seconds keep running between two queries, so they are compared separately. */
function ours(flow: FlowRow): object {
  const { orig, reply } = flow;
  const counted = { orig: [flow.origPackets, flow.origBytes], reply: [flow.replyPackets, flow.replyBytes] };
  return {
    id: flow.id,
    proto: flow.proto,
    family: flow.family,
    state: flow.state,
    mark: flow.mark,
    zone: flow.zone,
    assured: flow.status.includes('assured'),
    unreplied: flow.status.includes('unreplied'),
    orig: { ...orig, icmp: undefined },
    reply: { ...reply, icmp: undefined },
    counted,
    startedAt: flow.startedAt,
    helper: flow.helper,
  };
}

function theirs({ orig, reply, ...flow }: XmlFlow): object {
  const tuple = ({ src, dst, sport, dport, srcKey, dstKey, zone }: XmlFlow['orig']) => ({
    src,
    dst,
    sport,
    dport,
    srcKey,
    dstKey,
    zone,
    icmp: undefined,
  });
  return {
    // conntrack 1.4.7 prints an SCTP state by the name that the same number has for TCP.
    id: flow.id,
    proto: protocolName(orig.proto),
    family: orig.family,
    state: orig.proto === 132 ? { FIN_WAIT: 'ESTABLISHED' }[flow.state ?? ''] : flow.state,
    mark: flow.mark,
    zone: flow.zone,
    assured: flow.isAssured,
    unreplied: flow.isUnreplied,
    orig: tuple(orig),
    reply: tuple(reply),
    counted: { orig: [String(orig.packets), String(orig.bytes)], reply: [String(reply.packets), String(reply.bytes)] },
    startedAt: new Date(Number(flow.startedAtNs! / 1_000_000n)).toISOString(),
    helper: flow.helper,
  };
}

const byId = (a: { id: number }, b: { id: number }) => a.id - b.id;

describe('flows:search', () => {
  it('returns, page by page, what the conntrack program lists, field for field', async () => {
    const before = (await search('')).toSorted(byId);
    const xml = listed().toSorted(byId);
    const after = (await search('')).toSorted(byId);
    expect([...new Set(before.map((flow) => flow.proto))]).toEqual(
      expect.arrayContaining(['tcp', 'udp', 'icmp', 'icmpv6', 'gre', 'esp', 'ospf']),
    );
    expect(before).toHaveLength(SAMPLE_ENTRIES.length + MORE.length);
    expect(before.map(ours)).toEqual(xml.map(theirs));
    xml.forEach((flow, index) => {
      expect(before[index]!.timeoutSeconds).toBeGreaterThanOrEqual(flow.timeout!);
      expect(after[index]!.timeoutSeconds).toBeLessThanOrEqual(flow.timeout!);
    });
  });

  it.each<[string, (flow: XmlFlow) => boolean]>([
    ['proto:udp', ({ orig }) => orig.proto === 17],
    ['proto:esp,gre', ({ orig }) => orig.proto === 50 || orig.proto === 47],
    ['family:ipv6', ({ orig }) => orig.family === 6],
    ['198.18.0.12', ({ orig, reply }) => [orig.src, orig.dst, reply.src, reply.dst].includes('198.18.0.12')],
    // For flows without one of a WAN's addresses the route decides, which no listing shows.
    [
      'wan:wan1 (198.18.0.12 or 2001:db8:18::11)',
      ({ orig, reply }) => ['198.18.0.12', '2001:db8:18::11'].some((address) => [reply.dst, orig.dst, orig.src].includes(address)),
    ],
    ['dport:5060-5061', ({ orig }) => orig.dport === 5060 || orig.dport === 5061],
    ['state:time-wait', (flow) => flow.state === 'TIME_WAIT'],
    ['status:unreplied', (flow) => flow.isUnreplied],
    ['zone:7', ({ zone, orig, reply }) => [zone, orig.zone, reply.zone].includes(7)],
    ['-proto:tcp -proto:udp', ({ orig }) => orig.proto !== 6 && orig.proto !== 17],
    ['(proto:tcp or dport:53) src:10.0.0.0/8', ({ orig }) => (orig.proto === 6 || orig.dport === 53) && orig.src.startsWith('10.')],
  ])('by %s returns exactly those in the listing', async (filter, isWanted) => {
    const wanted = listed()
      .filter(isWanted)
      .map(({ id }) => id);
    expect((await search(filter)).map(({ id }) => id).toSorted()).toEqual(wanted.toSorted());
  });
});
