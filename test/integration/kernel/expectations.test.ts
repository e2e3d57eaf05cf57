import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KernelTable } from '../../../agent/conntrack/kernel/kernel-table.ts';
import type { Expectation } from '../../../agent/conntrack/table.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { Namespace } from '../../support/namespace.ts';
import { until } from '../../support/until.ts';

const FTP_HELPER = `
table inet helping {
  ct helper ftp21 { type "ftp" protocol tcp; l3proto ip; }
  chain leaving { type filter hook output priority filter; tcp dport 21 ct helper set "ftp21"; }
}
`;
const why = Namespace.why();

describe.skipIf(why !== undefined)(`what the kernel’s FTP helper expects${why ? ` (skipped: ${why})` : ''}`, () => {
  let namespace: Namespace;
  let leave: () => void;
  let table: KernelTable;
  let control: Socket;
  let server: Server;
  let data: Server;
  let dataPort: number;

  beforeAll(() => {
    namespace = Namespace.create('ctg-expect');
    leave = namespace.enter();
    namespace.nft(FTP_HELPER);
    table = new KernelTable();
  });
  afterAll(async () => {
    await table.close();
    leave();
    namespace.remove();
  });

  /** A client that has told the server where it waits for the data. */
  beforeEach(async () => {
    server = createServer((socket) => socket.resume()).listen(21, '127.0.0.1');
    data = createServer((socket) => socket.resume()).listen(0, '127.0.0.2');
    await Promise.all([once(server, 'listening'), once(data, 'listening')]);
    const address = data.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    dataPort = address.port;
    control = connect({ host: '127.0.0.1', port: 21, localAddress: '127.0.0.2' });
    await once(control, 'connect');
    control.setNoDelay(true);
    control.write('USER someone\r\n'); // the helper reads lines from the second on
    control.write(`PORT 127,0,0,2,${dataPort >> 8},${dataPort & 255}\r\n`);
    await until('the helper has heard of a port', async () => (await table.expectations()).length > 0 || undefined);
  });
  afterEach(() => {
    for (const one of [server, data]) one.close();
    control.destroy();
    namespace.run('conntrack', '-F');
  });

  test('is what the conntrack program lists', async () => {
    const listed = namespace
      .run('conntrack', '-L', 'expect')
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\d+ /, ''));
    expect((await table.expectations()).map(lineOf)).toEqual(listed);
    expect(listed).toHaveLength(1);
  });

  test('lets the data connection through as related, with the control connection as its master', async () => {
    const [master] = await flows(isControl);
    expect((await table.expectations(master)).map(({ orig, master: { orig: tuple } }) => [orig.dport, tuple])).toEqual([
      [dataPort, master!.orig],
    ]);
    const socket = await connectBack();
    const [flow] = await flows((one) => one.orig.dport === dataPort);
    expect([flow!.status & IPS.EXPECTED, flow!.master?.id]).toEqual([IPS.EXPECTED, master!.id]);
    expect(await table.expectations()).toEqual([]);
    socket.destroy();
  });

  test('is no longer expected once it was deleted, and the control connection continues', async () => {
    const [expectation] = await table.expectations();
    expect(await table.deleteExpectations([expectation!])).toEqual(['deleted']);
    const socket = await connectBack();
    const [flow] = await flows((one) => one.orig.dport === dataPort);
    expect([flow!.status & IPS.EXPECTED, flow!.master]).toEqual([0, undefined]);
    expect((await flows(isControl)).map(({ state }) => state)).toEqual(['ESTABLISHED']);
    socket.destroy();
  });

  /** Connections from earlier tests leave entries too. */
  function isControl({ orig }: Flow): boolean {
    return orig.dport === 21 && orig.sport === control.localPort;
  }

  async function flows(wanted: (flow: Flow) => boolean): Promise<Flow[]> {
    return (await table.search({ filter: { kind: 'everything' }, context: { wans: [], protections: [] }, limit: 100 })).rows.filter(wanted);
  }

  /** The server's connection to where the client waits. */
  async function connectBack(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.2', port: dataPort, localAddress: '127.0.0.1' });
    await once(socket, 'connect');
    return socket;
  }
});

/** As `conntrack -L expect` prints it, without the remaining time. */
function lineOf({ proto, orig, mask, master, class: kind, helper }: Expectation): string {
  return (
    `proto=${proto} src=${orig.src} dst=${orig.dst} sport=${orig.sport} dport=${orig.dport} mask-src=${mask.src} mask-dst=${mask.dst} sport=${mask.sport} dport=${mask.dport} ` +
    `master-src=${master.orig.src} master-dst=${master.orig.dst} sport=${master.orig.sport} dport=${master.orig.dport} class=${kind} helper=${helper}`
  );
}
