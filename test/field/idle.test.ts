import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Namespace } from '../support/namespace.ts';
import { until } from '../support/until.ts';
import { filterOf } from '../support/filter-of.ts';

const why = Namespace.why();
const CONTEXT = { wans: [], protections: [] };
const [ADDRESS, PORT] = ['127.0.0.20', 7000];
/** As for telephones: a timeout set in a rule, and by no sysctl. */
const OBJECT = `
table ip shop {
  ct timeout short { protocol tcp; l3proto ip; policy = { established: 600 }; }
  chain out { type filter hook output priority filter; tcp dport ${PORT} ct timeout set "short"; }
}
`;

let namespace: Namespace;
let leave: () => void;
let table: KernelTable;
let server: Server;
const ends: Socket[] = [];

beforeEach(async () => {
  namespace = Namespace.create('ctg-idle');
  leave = namespace.enter();
  table = new KernelTable();
  server = createServer((socket) => {
    ends.push(socket);
    socket.pipe(socket);
  });
  server.listen(PORT, ADDRESS);
  await once(server, 'listening');
});
afterEach(async () => {
  for (const socket of ends.splice(0)) socket.destroy();
  server.close();
  await table.close();
  leave();
  namespace.remove();
});

/** A client that has sent something and received a reply. */
async function talker(): Promise<{ say(): Promise<void> }> {
  const socket = connect(PORT, ADDRESS);
  ends.push(socket);
  await once(socket, 'connect');
  const say = async (): Promise<void> => {
    socket.write('x');
    await once(socket, 'data');
  };
  await say();
  return { say };
}

async function found(text: string): Promise<Flow[]> {
  return (await table.search({ filter: filterOf(text), context: CONTEXT, limit: 10 })).rows.filter(({ orig }) => orig.dport === PORT);
}
const only = async (): Promise<Flow> => (await found(`dport:${PORT}`))[0]!;

describe.skipIf(why !== undefined)(`how long a flow has been idle${why ? ` (skipped: ${why})` : ''}`, () => {
  test('an active connection does not count as idle for five days because a rule gave it a ten-minute timeout', async () => {
    namespace.nft(OBJECT);
    const { say } = await talker();
    expect((await only()).timeoutSeconds).toBeLessThanOrEqual(600);
    expect(await found('idle>1h')).toEqual([]);
    expect(await found('idle>10s')).toEqual([]);
    // Its counters between two looks show that it is active.
    await say();
    await table.breakdown(CONTEXT);
    await say();
    const talking = await only();
    expect(talking.idleBounds?.atMost ?? talking.idleSeconds).toBeLessThan(60);
    expect(await found('idle<60s')).toHaveLength(1);
  });

  test('a connection with a timeout set by a rule is idle for as long as its counters have stood still', async () => {
    namespace.nft(OBJECT);
    await talker();
    await table.breakdown(CONTEXT);
    const quiet = await until('it was seen to be idle', async () => {
      const { idleBounds, idleSeconds } = await only();
      const atLeast = idleSeconds ?? idleBounds?.atLeast ?? 0;
      return atLeast >= 1 ? atLeast : undefined;
    });
    expect(quiet).toBeLessThan(60);
    expect(await found('idle>=1s')).toHaveLength(1);
    expect(await found('idle>1h')).toEqual([]);
  });

  test('a timeout that was extended by hand makes no flow idle', async () => {
    namespace.sysctl('net.netfilter.nf_conntrack_tcp_timeout_established', 7200);
    await talker();
    expect((await only()).idleSeconds).toBeLessThan(60);
    namespace.sysctl('net.netfilter.nf_conntrack_tcp_timeout_established', 432_000);
    await talker();
    // The agent re-reads the timeouts after a few seconds; more of the second timeout remains than the first ones allow.
    await until(
      'the change was seen',
      async () => (await found(`dport:${PORT}`)).every(({ idleSeconds }) => idleSeconds !== undefined) || undefined,
    );
    expect((await found(`dport:${PORT}`)).map(({ idleSeconds }) => idleSeconds! < 60)).toEqual([true, true]);
    expect(await found('idle>1h')).toEqual([]);
  });

  test('an entry inserted by a program, as conntrackd does on a standby, is not judged', async () => {
    namespace.run(
      'conntrack',
      '-I',
      '-p',
      'tcp',
      '-s',
      '10.0.0.5',
      '-d',
      '198.51.100.9',
      '--sport',
      '40000',
      '--dport',
      String(PORT),
      '--state',
      'ESTABLISHED',
      '--timeout',
      '1000',
      '-u',
      'SEEN_REPLY,ASSURED',
    );
    const injected = await only();
    expect(injected.timeoutSeconds).toBeGreaterThan(900);
    // Only that it cannot have been idle for longer than it has existed.
    expect(injected.idleSeconds ?? 0).toBeLessThan(60);
    expect(await found('idle>1h')).toEqual([]);
  });

  test('on an ordinary gateway it is known to the second', async () => {
    await talker();
    const idle = await until('a second passed', async () => (await only()).idleSeconds || undefined);
    expect(idle).toBeLessThan(60);
    expect(await found('idle<60s')).toHaveLength(1);
  });
});
