import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { CpuCounters } from '../../agent/conntrack/table.ts';
import { lostBetween } from '../../controller/history/sample-row.ts';
import { totalsOf } from '../../proto/model/measures.ts';
import { parseAddress } from '../../proto/model/address.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { enterNamespace, Namespace } from '../support/namespace.ts';
import { RuleStage } from '../support/rules/stage.ts';
import type { CheckGroup, Seen } from './check.ts';
import { PacketQueue } from './queue.ts';
import { UdpSender } from './udp.ts';

type Counter = Exclude<keyof CpuCounters, 'cpu' | 'found' | 'insert' | 'searchRestart'>;
const COUNTERS: Counter[] = ['drop', 'insertFailed', 'chainToolong', 'earlyDrop', 'clashResolve', 'invalid', 'error'];
const SERVER = '127.0.0.20';
const PORT = 5062;
const CLIENTS = 15;
/** Arriving packets are counted once they have an entry, and go no further. */
const ARRIVING = `table inet kernels {
  counter arrived { }
  chain arriving { type filter hook input priority filter; meta l4proto udp counter name arrived drop; }
}
`;
const leavingBy = (ports: string): string =>
  `table ip narrow { chain leaving { type nat hook postrouting priority srcnat; ip daddr ${SERVER} udp dport ${PORT} snat to 127.0.0.77:${ports}; }; }`;
const HOLDING = `table ip holding { chain going { type filter hook output priority filter; udp dport ${PORT} queue num 0; }; }`;

export const lostChecks: CheckGroup = {
  close: async () => undefined,
  checks: [
    { name: 'lost: a port clash', run: () => counting(leavingBy('4000'), () => clients(CLIENTS)) },
    { name: 'lost: no port left', run: () => counting(leavingBy('4000-4009'), () => clients(CLIENTS)) },
    { name: 'lost: a full table', needsGuest: true, run: () => withLimits(65_536, 50, () => counting('', () => manyPorts(80))) },
    { name: 'lost: an early drop', needsGuest: true, run: () => withLimits(512, 400, () => counting('', () => manyPorts(800))) },
    {
      name: 'lost: a chain that is too long',
      needsGuest: true,
      run: () => withLimits(512, 200_000, () => counting('', () => manyPorts(20_000))),
    },
    // The checks' own kernel may lack the queue; Debian's kernels have it.
    { name: 'lost: a clash that is resolved', needsGuest: true, run: () => counting(HOLDING, clash) },
    { name: 'lost: an invalid packet', run: () => unread(0) },
    { name: 'lost: ICMP that cannot be read', run: () => unread(99) },
  ],
};

/** Sends packets with these rules; each one that did not arrive must count as lost. */
async function counting(rules: string, send: () => number): Promise<Seen> {
  const namespace = Namespace.create('ctk-lost');
  const leave = namespace.enter();
  const table = new KernelTable();
  try {
    namespace.nft(`${ARRIVING}${rules}`);
    const before = (await table.counters()).cpus;
    const sent = send();
    const after = (await table.counters()).cpus;
    const arrived = Number(/packets (\d+)/.exec(namespace.run('nft', 'list', 'counter', 'inet', 'kernels', 'arrived'))![1]);
    const counted = lostBetween(totalsOf(before), totalsOf(after));
    const seen = { sent, lost: sent - arrived, counted, ...rises(before, after) };
    assert.equal(counted, sent - arrived, JSON.stringify(seen));
    return seen;
  } finally {
    await table.close();
    leave();
    namespace.remove();
  }
}

/** How far each counter rose, for those that did. */
function rises(before: CpuCounters[], after: CpuCounters[]): Partial<Record<Counter, number>> {
  const [first, last] = [totalsOf(before), totalsOf(after)];
  return Object.fromEntries(
    COUNTERS.map((counter) => [counter, (last[counter] ?? 0) - (first[counter] ?? 0)] as const).filter(([, rise]) => rise !== 0),
  );
}

function clients(count: number): number {
  for (let n = 1; n <= count; n++) {
    const client = new UdpSender('127.0.0.1', 6000 + n);
    client.send(SERVER, PORT);
    client.close();
  }
  return count;
}

/** A new flow each, from one client. */
function manyPorts(count: number): number {
  const client = new UdpSender('127.0.0.1', 7000);
  for (let n = 0; n < count; n++) client.send(`127.0.1.${1 + Math.floor(n / 1000)}`, 10_000 + (n % 1000));
  client.close();
  return count;
}

/** Two packets that both begin the same flow, since neither has its entry when the other arrives. */
function clash(): number {
  const queue = new PacketQueue();
  const client = new UdpSender('127.0.0.1', 7001);
  try {
    for (let n = 0; n < 2; n++) client.send(SERVER, PORT);
    assert.equal(queue.letGo(), 2);
  } finally {
    client.close();
    queue.close();
  }
  return 2;
}

/** ICMP of a type that belongs to no flow, or of one that does not exist. It is passed on: that it fits no flow does not lose a packet. */
async function unread(icmpType: number): Promise<Seen> {
  const stage = new RuleStage('ctk-lost');
  const leave = enterNamespace(stage.gateway);
  const table = new KernelTable();
  try {
    stage.reset();
    const before = (await table.counters()).cpus;
    const [src, dst] = ['10.0.0.5', '10.0.0.1'].map((text) => parseAddress(text)!) as [Uint8Array, Uint8Array];
    let arrived = 0;
    for (let n = 0; n < CLIENTS; n++) {
      const { seen } = stage.send('lan', { family: 4, proto: PROTOCOLS.icmp, src, dst, icmpType });
      if (seen.some(({ hook, place }) => hook === 'input' && place === 'last')) arrived++;
    }
    const after = (await table.counters()).cpus;
    const seen = {
      sent: CLIENTS,
      lost: CLIENTS - arrived,
      counted: lostBetween(totalsOf(before), totalsOf(after)),
      ...rises(before, after),
    };
    assert.deepEqual([seen.counted, seen.lost], [0, 0], JSON.stringify(seen));
    return seen;
  } finally {
    await table.close();
    leave();
    stage.remove();
  }
}

/** Sets the hash size and the maximum number of entries, which apply to the whole machine. */
async function withLimits(buckets: number, max: number, work: () => Promise<Seen>): Promise<Seen> {
  // They exist once the tracker is loaded, which a namespace that uses it ensures.
  Namespace.create('ctk-load').remove();
  const files = ['buckets', 'max'].map((name) => `/proc/sys/net/netfilter/nf_conntrack_${name}`);
  const before = files.map((file) => readFileSync(file, 'utf8'));
  try {
    [buckets, max].forEach((value, index) => writeFileSync(files[index]!, String(value)));
    return { buckets: Number(readFileSync(files[0]!, 'utf8')), max, ...(await work()) };
  } finally {
    before.forEach((value, index) => writeFileSync(files[index]!, value));
  }
}
