import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { once } from 'node:events';
import type { AnswerPart } from '../../proto/gen/ctfleet/v1/link.ts';
import { PeerService, type PeerQuestion } from '../../proto/gen/ctfleet/v1/peer.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { readReplica } from '../identity/replica-identity.ts';
import { GatewayQueries } from '../link/gateway-queries.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { GrpcListener, toServiceError } from '../platform/grpc-listener.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { toFleetError } from '../platform/problem.ts';
import { MAX_DEADLINE_MS, MAX_OPEN, MAX_ROWS } from './limits.ts';
import { Replicas } from './replicas.service.ts';

const CONNECTIONS = {
  total: 400,
  perAddress: 200,
  unproven: 100,
  unprovenPerAddress: 20,
  streams: MAX_OPEN,
  arrivals: { perSecond: 20, burst: 200 },
  calls: { perSecond: 5000, burst: 20_000 },
};

type Call = ServerWritableStream<PeerQuestion, AnswerPart>;

/** The listener for other replicas: mutual TLS against our own authority, and only for certificates that name a replica. */
@Injectable()
export class PeerGrpc implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private listener: GrpcListener | undefined;
  /** Questions that are open, by the replica that asks. */
  private readonly open = new Map<string, number>();

  constructor(
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(Replicas) private readonly replicas: Replicas,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const handlers: UntypedServiceImplementation = { ask: (call: Call) => void this.ask(call) };
    const { host, port, address } = this.config.peer;
    const issue = () => this.authority.issueReplica(this.replicas.ownId, this.clock());
    const listener = await GrpcListener.open({ host, port }, issue, PeerService, handlers, CONNECTIONS);
    this.listener = listener;
    this.authority.onChange(() => {
      listener.present().catch((error: unknown) => this.logger.error({ err: error }, 'this replica goes on with the certificate it had'));
    });
    await this.replicas.announce(address ?? `${host.includes(':') ? `[${host}]` : host}:${listener.port}`);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.listener?.close();
  }

  /** Rows are written as the gateway sends them; it is read no faster than the replica that asks reads them. */
  private async ask(call: Call): Promise<void> {
    const peer = call.getAuthContext().sslPeerCertificate;
    const replicaId = peer?.raw && this.authority.issuerOf(peer.raw) !== undefined ? readReplica(peer, this.clock()) : undefined;
    if (replicaId === undefined) return void call.emit('error', toServiceError(namesNone()));
    const open = this.open.get(replicaId) ?? 0;
    if (open >= MAX_OPEN) return void call.emit('error', toServiceError(tooMany()));
    this.open.set(replicaId, open + 1);
    const ended = new AbortController();
    call.once('cancelled', () => ended.abort());
    call.once('close', () => ended.abort());
    call.on('error', () => ended.abort());
    const write = async (part: NonNullable<AnswerPart['part']>): Promise<void> => {
      if (!ended.signal.aborted && !call.write({ queryId: '', part })) await once(call, 'drain', { signal: ended.signal });
    };
    try {
      const { gatewayId, query, maxFlows } = call.request;
      if (!query?.ask) throw new FleetError('INVALID_REQUEST', 'The question of another controller cannot be read. Update this one.');
      const { head, end } = await this.queries.askHere(gatewayId, query.ask, {
        deadlineMs: Math.min(query.deadlineMs, MAX_DEADLINE_MS),
        maxFlows: Math.min(maxFlows, MAX_ROWS),
        signal: ended.signal,
        onFlows: (flows) => write({ $case: 'flows', value: { flows } }),
      });
      await write({ $case: 'head', value: head });
      await write({ $case: 'end', value: end });
    } catch (error) {
      const { code, message } = toFleetError(error);
      if (code === 'INTERNAL')
        this.logger.error({ gateway: call.request.gatewayId, err: error }, 'a gateway could not be asked for another controller');
      await write({ $case: 'failure', value: { code, detail: message } }).catch(() => undefined);
    } finally {
      call.end();
      const left = this.open.get(replicaId)! - 1;
      if (left > 0) this.open.set(replicaId, left);
      else this.open.delete(replicaId);
    }
  }
}

const namesNone = (): FleetError =>
  new FleetError('UNAUTHENTICATED', 'The certificate names no replica, has expired, or who signed it is no longer trusted.');
const tooMany = (): FleetError =>
  new FleetError('RATE_LIMITED', `Another controller has ${MAX_OPEN} questions open.`, { retryAfterSeconds: 1 });
