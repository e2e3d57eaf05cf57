import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { ClientReadableStream } from '@grpc/grpc-js';
import type { Flow } from '../../proto/gen/ctfleet/v1/flow.ts';
import type { AnswerHead, AnswerPart, Query } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { GatewayQueries, toErrorCode, toUnreadable, type Answer, type Asking, type Elsewhere } from '../link/gateway-queries.service.ts';
import { LinkRepository } from '../link/link.repository.ts';
import { Batches } from '../platform/batches.ts';
import { ConcurrencyLimit } from '../platform/concurrency-limit.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Failures } from '../platform/failures.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { textFrom } from '../platform/untrusted.ts';
import { MAX_OPEN } from './limits.ts';
import { PeerClients } from './peer-clients.grpc.ts';
import { Replicas } from './replicas.service.ts';

/** Gateways whose holders are looked up in one statement. */
const MAX_LOOKED_UP = 500;
const SILENT = 'another controller does not answer; check its CTFLEET_PEER_ADDRESS';

interface Wanted {
  gatewayId: string;
  found: (replicaId: string | undefined) => void;
}

/** Asks gateways whose session another replica holds, as if it were here: the same errors, limits and deadline. */
@Injectable()
export class PeerAsks implements Elsewhere, OnModuleInit {
  private readonly lookUps = new Batches<Wanted>((wanted) => this.lookUp(wanted), MAX_LOOKED_UP);
  private readonly limits = new Map<string, ConcurrencyLimit>();
  /** What ends each open question, by the replica that is asked. */
  private readonly open = new Map<string, Set<() => void>>();
  private readonly failures: Failures;

  constructor(
    @Inject(GatewayQueries) private readonly queries: GatewayQueries,
    @Inject(LinkRepository) private readonly registry: LinkRepository,
    @Inject(Replicas) private readonly replicas: Replicas,
    @Inject(PeerClients) private readonly clients: PeerClients,
    @Inject(LOGGER) logger: Logger,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.failures = new Failures(logger, clock);
  }

  onModuleInit(): void {
    this.queries.askOthersBy(this);
    this.replicas.onLost((replicaId) => {
      this.limits.delete(replicaId);
      for (const end of this.open.get(replicaId) ?? []) end();
    });
  }

  async ask(gatewayId: string, ask: NonNullable<Query['ask']>, asking: Asking): Promise<Answer> {
    asking.signal?.throwIfAborted();
    const endsAtMs = performance.now() + asking.deadlineMs;
    const over = new AbortController();
    return new Promise<Answer>((resolve, reject) => {
      const fail = (error: unknown): void => {
        reject(error as Error);
        over.abort();
      };
      const timer = setTimeout(() => fail(new FleetError('GATEWAY_SLOW', `No answer within ${asking.deadlineMs} ms.`)), asking.deadlineMs);
      const onAbort = (): void => fail(new FleetError('CANCELLED', 'The request was cancelled.'));
      asking.signal?.addEventListener('abort', onAbort, { once: true });
      this.askHolder(gatewayId, ask, { ...asking, signal: over.signal }, endsAtMs)
        .then(resolve, fail)
        .finally(() => {
          clearTimeout(timer);
          asking.signal?.removeEventListener('abort', onAbort);
        });
    });
  }

  private async askHolder(
    gatewayId: string,
    ask: NonNullable<Query['ask']>,
    asking: Asking & { signal: AbortSignal },
    endsAtMs: number,
  ): Promise<Answer> {
    const replicaId = await new Promise<string | undefined>((found, reject) => {
      this.lookUps.add({ gatewayId, found }).catch(reject);
    });
    // Its session may have moved here since.
    if (replicaId === undefined || replicaId === this.replicas.ownId) return this.queries.askHere(gatewayId, ask, asking);
    return this.limitOf(replicaId).run(async () => {
      asking.signal.throwIfAborted();
      const address = (await this.replicas.find(replicaId))?.peerAddress;
      if (!address) throw isSilent();
      const client = await this.clients.to(replicaId, address);
      asking.signal.throwIfAborted();
      const deadlineMs = Math.max(1, Math.round(endsAtMs - performance.now()));
      const call = client.ask({ gatewayId, query: { id: '', deadlineMs, ask }, maxFlows: asking.maxFlows });
      const cancel = (): void => call.cancel();
      asking.signal.addEventListener('abort', cancel, { once: true });
      try {
        const answer = await this.heard(replicaId, call, asking);
        this.failures.worked(SILENT);
        return answer;
      } finally {
        asking.signal.removeEventListener('abort', cancel);
        call.cancel();
      }
    });
  }

  /** What another replica passes on, part after part. */
  private async heard(replicaId: string, call: ClientReadableStream<AnswerPart>, { onFlows, signal }: Asking): Promise<Answer> {
    const open = this.open.get(replicaId) ?? new Set();
    this.open.set(replicaId, open);
    const lost = (): void => void call.destroy(isSilent());
    open.add(lost);
    call.on('error', () => undefined); // also after we have stopped reading
    const passOn = async (flows: Flow[]): Promise<void> => {
      try {
        await onFlows(flows);
      } catch (cause) {
        throw toUnreadable(cause);
      }
    };
    let head: AnswerHead | undefined;
    try {
      for await (const { part } of call as AsyncIterable<AnswerPart>) {
        if (part?.$case === 'flows') await passOn(part.value.flows);
        else if (part?.$case === 'head') head = part.value;
        else if (part?.$case === 'failure') throw new FleetError(toErrorCode(part.value.code), textFrom(part.value.detail, 500));
        else if (part?.$case === 'end' && head) return { head, end: part.value };
      }
      throw isSilent();
    } catch (error) {
      if (error instanceof FleetError) throw error;
      if (!signal?.aborted) this.failures.failed(SILENT, error, { replica: replicaId });
      throw isSilent(error);
    } finally {
      open.delete(lost);
      if (open.size === 0) this.open.delete(replicaId);
    }
  }

  private limitOf(replicaId: string): ConcurrencyLimit {
    const limit = this.limits.get(replicaId) ?? new ConcurrencyLimit(MAX_OPEN);
    this.limits.set(replicaId, limit);
    return limit;
  }

  private async lookUp(wanted: Wanted[]): Promise<void> {
    const holders = await this.registry.holders(wanted.map(({ gatewayId }) => gatewayId));
    for (const { gatewayId, found } of wanted) found(holders.get(gatewayId));
  }
}

const isSilent = (cause?: unknown): FleetError =>
  new FleetError('GATEWAY_OFFLINE', 'The controller that holds its link does not answer.', {}, { cause });
