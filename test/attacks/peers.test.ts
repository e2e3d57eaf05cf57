import { credentials, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUTHORITY, type Authority } from '../../controller/identity/authority.ts';
import { GatewayQueries } from '../../controller/link/gateway-queries.service.ts';
import { newId } from '../../controller/platform/ids.ts';
import { GrpcListener, type ListenerTls } from '../../controller/platform/grpc-listener.ts';
import { LinkClient, type AnswerPart, type Query } from '../../proto/gen/ctfleet/v1/link.ts';
import { PeerClient, PeerService } from '../../proto/gen/ctfleet/v1/peer.ts';
import { FakeAgent } from '../support/controller-fake-agent.ts';
import { makePlace, startWithOwner, type TestController } from '../support/controller-fleet.ts';
import type { TestDatabases } from '../support/database.ts';
import { loneAuthority } from '../support/lone-authority.ts';

const DAY_MS = 86_400_000;
const LIMITS = {
  total: 10,
  perAddress: 10,
  unproven: 10,
  unprovenPerAddress: 10,
  streams: 10,
  arrivals: { perSecond: 100, burst: 100 },
  calls: { perSecond: 100, burst: 100 },
};
const SEARCH: NonNullable<Query['ask']> = {
  $case: 'search',
  value: { filter: undefined, sort: '', descending: false, limit: 1, after: undefined, withFacets: false, maxAgeMs: undefined },
};

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let authority: Authority;
let agent: FakeAgent;
let peerAddress: string;

beforeAll(async () => {
  const started = await startWithOwner();
  ({ postgres, url, controller } = started);
  authority = controller.running.app.get(AUTHORITY);
  agent = await FakeAgent.join(controller, (await makePlace(started.owner, 'Acme', 'gw1')).joinToken);
  await agent.connect(controller.linkAddress);
  [{ peerAddress } = { peerAddress: '' }] = await postgres.query<{ peerAddress: string }>(
    url,
    'SELECT peer_address AS "peerAddress" FROM replica',
  );
});
afterAll(async () => {
  agent.disconnect();
  await controller.stop();
  await postgres.stop();
});

const anyServer = { checkServerIdentity: () => undefined };

function present({ chain, key }: Pick<ListenerTls, 'chain' | 'key'>): ChannelCredentials {
  return credentials.createSsl(Buffer.from(authority.clients.trusted), Buffer.from(key), Buffer.from(chain), anyServer);
}

const OPTIONS = { 'grpc.use_local_subchannel_pool': 1, 'grpc.ssl_target_name_override': 'controller.ctfleet' };

/** What Peer.Ask comes to: the parts, or the error. */
async function askPeer(as: ChannelCredentials): Promise<string[]> {
  const client = new PeerClient(peerAddress, as, OPTIONS);
  const call = client.ask(
    { gatewayId: agent.gatewayId, query: { id: '', deadlineMs: 5000, ask: SEARCH }, maxFlows: 10 },
    { deadline: Date.now() + 20_000 },
  );
  const parts: string[] = [];
  try {
    for await (const { part } of call as AsyncIterable<AnswerPart>) parts.push(part?.$case ?? 'nothing');
    return parts;
  } catch (error) {
    return [(error as ServiceError).details];
  } finally {
    client.close();
  }
}

describe('the port for other replicas', () => {
  it('answers a replica of this installation', async () => {
    expect(await askPeer(present(await authority.issueReplica(newId(), Date.now())))).toEqual(['head', 'end']);
  });

  it('refuses an enrolled gateway', async () => {
    const { key, response } = agent.identity;
    const [refusal] = await askPeer(present({ key, chain: Buffer.from(response.certificatePem).toString() }));
    expect(refusal).toContain('names no replica');
  });

  it('refuses a replica whose certificate has expired', async () => {
    const [refusal] = await askPeer(present(await authority.issueReplica(newId(), Date.now() - 8 * DAY_MS)));
    expect(refusal).toContain('has expired');
  });

  it.each<[string, () => Promise<ChannelCredentials>]>([
    ['a replica of another installation', async () => present(await (await loneAuthority(Date.now())).issueReplica(newId(), Date.now()))],
    ['a certificate that only listeners have', async () => present(await authority.issueServer(Date.now()))],
    ['nobody in particular', () => Promise.resolve(credentials.createSsl(Buffer.from(authority.clients.trusted), null, null, anyServer))],
  ])('ends the connection of %s', async (_, as) => {
    const [refusal, ...more] = await askPeer(await as());
    expect(refusal).toMatch(/No connection established|Connection dropped|ECONNRESET|disconnected/);
    expect(more).toEqual([]);
  });
});

describe('the port for gateways', () => {
  it('opens no session for a replica, takes no answer from it and renews nothing', async () => {
    const client = new LinkClient(controller.linkAddress, present(await authority.issueReplica(newId(), Date.now())), OPTIONS);
    const ends = await Promise.all([
      new Promise<string>((resolve) => {
        const call = client.session();
        call.on('data', () => resolve('welcome'));
        call.on('error', (error: ServiceError) => resolve(error.details));
        call.write({ body: { $case: 'pong', value: { sentAtMs: 0n } } });
      }),
      new Promise<string>((resolve) => {
        const call = client.answer((error) => resolve(error?.details ?? 'taken'));
        call.on('error', () => undefined);
        call.write({ queryId: newId(), part: { $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } } });
      }),
      new Promise<string>((resolve) => client.renew({ csr: Buffer.alloc(0) }, (error) => resolve(error?.details ?? 'renewed'))),
    ]);
    client.close();
    for (const end of ends) expect(end).toContain('names no gateway');
  });
});

describe('a replica that asks another', () => {
  /** Whether a program at the address of the replica that holds a gateway gets to hear the question. */
  async function isAsked(replicaId: string, presented: ListenerTls): Promise<boolean> {
    let wasAsked = false;
    const listener = await GrpcListener.open(
      { host: '127.0.0.1', port: 0 },
      () => Promise.resolve({ ...presented, clients: authority.clients }),
      PeerService,
      { ask: (call: { end(): void }) => ((wasAsked = true), call.end()) },
      LIMITS,
    );
    const gatewayId = newId();
    await postgres.query(
      url,
      `WITH place AS (SELECT tenant_id, site_id FROM gateway LIMIT 1),
         holder AS (INSERT INTO replica (id, version, roles, peer_address, started_at, heartbeat_at)
           VALUES ('${replicaId}', '0.1.0', '{link}', '127.0.0.1:${listener.port}', now(), now() + interval '1 hour')),
         gateway AS (INSERT INTO gateway (id, tenant_id, site_id, name, created_at)
           SELECT '${gatewayId}', tenant_id, site_id, '${gatewayId}', now() FROM place)
       INSERT INTO link_session (gateway_id, tenant_id, replica_id, epoch, connected_at, last_heard_at)
         SELECT '${gatewayId}', tenant_id, '${replicaId}', 1, now(), now() FROM place`,
    );
    const asked = controller.running.app
      .get(GatewayQueries)
      .ask(gatewayId, SEARCH, { deadlineMs: 10_000, maxFlows: 1, onFlows: () => undefined });
    await expect(asked).rejects.toMatchObject({ code: 'GATEWAY_OFFLINE' });
    await listener.close();
    return wasAsked;
  }

  it('asks the one that the registry names', async () => {
    const replicaId = newId();
    expect(await isAsked(replicaId, await authority.issueReplica(replicaId, Date.now()))).toBe(true);
  });

  it('asks no other program at its address: not another replica, not a gateway, not an agents’ listener', async () => {
    const { key, response } = agent.identity;
    expect(await isAsked(newId(), await authority.issueReplica(newId(), Date.now()))).toBe(false);
    expect(await isAsked(newId(), { key, chain: Buffer.from(response.certificatePem).toString() })).toBe(false);
    expect(await isAsked(newId(), await authority.issueServer(Date.now()))).toBe(false);
    const replicaId = newId();
    expect(await isAsked(replicaId, await (await loneAuthority(Date.now())).issueReplica(replicaId, Date.now()))).toBe(false);
  });
});
