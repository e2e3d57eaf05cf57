// Light agents in a process of their own, for storm.ts: the real link with its handshake, hello and backoff, and nothing behind it.
import { credentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { makeKey } from '../../agent/link/certificate-request.ts';
import { CHANNEL_OPTIONS } from '../../agent/link/credentials.ts';
import type { Identity } from '../../agent/link/identity.ts';
import { Link } from '../../agent/link/link.ts';
import { Outbox } from '../../agent/link/outbox.ts';
import { rootsIn } from '../../agent/link/trust.ts';
import { systemClock } from '../../agent/time/clock.ts';
import { ControllerClock } from '../../agent/time/controller-clock.ts';
import type { Remediations } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { EnrolmentClient, Hello, type AuditCheckpoint, type EnrolResponse } from '../../proto/gen/ctfleet/v1/link.ts';

export type StormOrder =
  | { kind: 'enrol'; address: string; ca: string; token: string; count: number; prefix: string }
  | { kind: 'dial' }
  | { kind: 'tell' };

/** What the agents of a process saw. `pushes`: sets of remediations received. */
export interface StormState {
  enrolled: number;
  online: number;
  dials: number;
  pushes: number;
  /** How many hold a set with so many remediations. */
  bySize: Record<number, number>;
  cpuMs: number;
}

/** The listener accepts 20 calls at once of a connection. */
const CALLS_OF_A_CONNECTION = 15;
const agents: LightAgent[] = [];

class LightAgent {
  isOnline = false;
  dials = 0;
  pushes = 0;
  digest: Buffer = Buffer.alloc(0);
  size = -1;
  readonly #identity: Identity;
  readonly #instance = crypto.randomUUID();
  readonly #witnessed = new Map<string, AuditCheckpoint>();

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  run(): void {
    const nothing = { take: () => undefined, reset: () => undefined };
    const handlers = new Proxy(
      {
        remediations: ({ remediations, digest }: Remediations): void => {
          this.digest = digest;
          this.pushes++;
          this.size = remediations.length;
        },
        auditCheckpoint: (head: AuditCheckpoint): void => void this.#witnessed.set(head.chain, head),
      } as Record<string, unknown>,
      { get: (known, kind: string) => known[kind] ?? (() => undefined) },
    );
    const link: Link = new Link({
      wallNow: Date.now,
      identity: () => this.#identity,
      hello: async () => this.#hello(),
      handlers: (_, ended) => {
        ended.addEventListener('abort', () => (this.isOnline = false));
        return handlers as never;
      },
      outbox: new Outbox(nothing, nothing, nothing),
      clock: systemClock,
      controllerClock: new ControllerClock(() => performance.now()),
      random: Math.random,
      log: pino({ level: 'silent' }),
      onWelcome: () => undefined,
      onOpen: () => (this.isOnline = true),
      onCertificateEnded: () => undefined,
    });
    void link.run(new AbortController().signal);
  }

  #hello(): Hello {
    this.dials++;
    return Hello.fromPartial({
      protocolVersion: 1,
      agentVersion: '0.1.0',
      hostname: this.#identity.gatewayName,
      kernel: '6.18.0',
      capabilities: { can: ['delete'], cannot: { reset: 'not in this version' } },
      tableKind: 'memory',
      instanceId: this.#instance,
      remediationsDigest: this.digest,
      witnessed: [...this.#witnessed.values()],
      wans: [{ name: 'WAN1', interface: 'eth0', addresses: [Buffer.from([198, 51, 100, 1])], isUp: true, carriesDefaultRoute: true }],
    });
  }
}

async function enrolMany(order: Extract<StormOrder, { kind: 'enrol' }>): Promise<void> {
  for (let at = 0; at < order.count; at += CALLS_OF_A_CONNECTION) {
    const client = new EnrolmentClient(order.address, credentials.createSsl(Buffer.from(order.ca)), CHANNEL_OPTIONS);
    const some = Array.from({ length: Math.min(CALLS_OF_A_CONNECTION, order.count - at) }, (_, index) => `${order.prefix}-${at + index}`);
    agents.push(...(await Promise.all(some.map(async (hostname) => new LightAgent(await enrol(client, order.token, hostname))))));
    client.close();
  }
}

async function enrol(client: EnrolmentClient, token: string, hostname: string): Promise<Identity> {
  const { key, csr } = await makeKey(hostname);
  const answer = await new Promise<EnrolResponse>((resolve, reject) => {
    client.enrol({ token, csr, hostname, agentVersion: '0.1.0', gatewayId: '', site: '', canWait: false }, (error, given) =>
      error ? reject(error) : resolve(given),
    );
  });
  return {
    gatewayId: answer.gatewayId,
    gatewayName: answer.gatewayName,
    linkAddress: answer.linkAddress,
    key,
    certificate: Buffer.from(answer.certificatePem).toString('utf8'),
    ca: rootsIn(Buffer.from(answer.caPem).toString('utf8')),
  };
}

function state(): StormState {
  const bySize: Record<number, number> = {};
  for (const { size } of agents) bySize[size] = (bySize[size] ?? 0) + 1;
  const sum = (of: (agent: LightAgent) => number): number => agents.reduce((total, agent) => total + of(agent), 0);
  const { user, system } = process.cpuUsage();
  return {
    enrolled: agents.length,
    online: sum(({ isOnline }) => Number(isOnline)),
    dials: sum(({ dials }) => dials),
    pushes: sum(({ pushes }) => pushes),
    bySize,
    cpuMs: (user + system) / 1000,
  };
}

process.on('message', (order: StormOrder) => {
  if (order.kind === 'tell') return void process.send!(state());
  if (order.kind === 'dial') for (const agent of agents) agent.run();
  if (order.kind === 'enrol')
    void enrolMany(order).then(
      () => process.send!(state()),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
});
