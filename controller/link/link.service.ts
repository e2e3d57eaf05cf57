import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { AgentMessage, Hello, SampleBatch, Unreadable } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Wan } from '../../proto/gen/ctfleet/v1/stats.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { SYSTEM_CHAIN } from '../audit/chain.ts';
import { CheckpointsService, isWitnessedBy } from '../audit/checkpoints.service.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { BlocksService } from '../blocks/blocks.service.ts';
import { DeliveryService } from '../flushes/delivery.service.ts';
import { ProgressService } from '../flushes/progress.service.ts';
import { ResultsService } from '../flushes/results.service.ts';
import { HistoryService } from '../history/history.service.ts';
import { toSampleRow } from '../history/sample-row.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import { Lanes } from '../platform/lanes.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Notices } from '../platform/notices.ts';
import { textFrom } from '../platform/untrusted.ts';
import { HellosService } from './hellos.service.ts';
import { LinkRepository } from './link.repository.ts';
import { GatewaySetsService } from '../remediations/gateway-sets.service.ts';
import { RunsService } from '../remediations/runs.service.ts';
import { Questions } from './questions.ts';
import { PING_INTERVAL_MS, Session, SILENCE_LIMIT_MS, type AgentStream } from './session.ts';
import { Sessions } from './sessions.ts';

/** In one batch; agents send 60. */
const MAX_SAMPLES = 500;
/** Sessions opened and sample batches written at once, however many agents come at the same moment. */
const LANES = 6;

/** The life of sessions: hello, what agents send, the end. Identity is always the certificate's. */
@Injectable()
export class LinkService implements BeforeApplicationShutdown {
  private readonly lanes = new Lanes(LANES);
  private readonly wansTold = new WeakMap<Session, string>();

  constructor(
    @Inject(LinkRepository) private readonly registry: LinkRepository,
    @Inject(HellosService) private readonly hellos: HellosService,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Questions) private readonly questions: Questions,
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(BlocksService) private readonly blocks: BlocksService,
    @Inject(ResultsService) private readonly results: ResultsService,
    @Inject(ProgressService) private readonly progress: ProgressService,
    @Inject(CheckpointsService) private readonly checkpoints: CheckpointsService,
    @Inject(GatewaySetsService) private readonly gatewaySets: GatewaySetsService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Opens a session: registers it, welcomes the agent, sends what is unfinished. Throws what HellosService refuses with. */
  async open(identity: GatewayIdentity, certificateEndsMs: number, hello: Hello, stream: AgentStream): Promise<Session> {
    return this.lanes.run(() => this.openNow(identity, certificateEndsMs, hello, stream));
  }

  private async openNow(identity: GatewayIdentity, certificateEndsMs: number, hello: Hello, stream: AgentStream): Promise<Session> {
    const { gatewayId, tenantId } = identity;
    const nowMs = this.clock();
    const epoch = await this.hellos.admit(identity, hello);
    const session = new Session(identity, epoch, stream, nowMs, certificateEndsMs);
    this.sessions.add(session);
    session.send({
      $case: 'welcome',
      value: { epoch, controllerTimeMs: BigInt(this.clock()), sampleIntervalMs: this.config.sampleIntervalMs, gatewayId, pingIntervalMs: PING_INTERVAL_MS },
    });
    await this.delivery.deliver(gatewayId);
    await this.checkpoints.judge(identity, hello.witnessed);
    for (const value of await this.checkpoints.forAgents([tenantId, SYSTEM_CHAIN])) session.send({ $case: 'auditCheckpoint', value });
    await this.push([session]);
    this.logger.info({ gateway: gatewayId, tenant: tenantId, epoch: String(epoch) }, 'session opened');
    return session;
  }

  /** Handles one message of an open session; messages of one session come here one after the other. */
  async receive(session: Session, message: AgentMessage): Promise<void> {
    session.lastHeardMs = this.clock();
    const { body } = message;
    switch (body?.$case) {
      case 'samples': return this.storeSamples(session, body.value);
      case 'progress': return this.progress.note(session.identity, body.value);
      case 'result':
        if (await this.results.take(session.identity, body.value)) session.send({ $case: 'resultReceipt', value: { commandId: body.value.commandId } });
        return;
      case 'remediationRun':
        if (await this.runs.take(session.identity, body.value)) session.send({ $case: 'remediationRunReceipt', value: { runId: body.value.id } });
        return;
      case 'standingBlocks': {
        const ids = await this.blocks.take(session.identity, body.value);
        if (ids.length > 0) session.send({ $case: 'liftBlocks', value: { ids } });
        return;
      }
      case 'unreadable': return this.noteUnreadable(session, body.value);
      case 'hello': throw new FleetError('INVALID_REQUEST', 'A session has one hello.');
      case 'pong':
      case undefined:
    }
  }

  /** The stream of a session ended, whoever ended it. */
  async closed(session: Session): Promise<void> {
    session.isClosed = true;
    if (!this.sessions.remove(session)) return;
    const { gatewayId, tenantId } = session.identity;
    this.questions.dropAll(gatewayId);
    this.results.forget(gatewayId);
    this.progress.forget(gatewayId);
    await this.database.transact(new Set([tenantId]), async (t) => {
      if (await this.registry.close(t, gatewayId, session.epoch, new Date(session.lastHeardMs))) await this.notices.send(t, 'gateway', gatewayId);
    });
    this.logger.info({ gateway: gatewayId, epoch: String(session.epoch) }, 'session closed');
  }

  /** Pings every agent, closes the silent and those whose certificate ran out (TLS looks at it only when a link is made), and finds those whose place was taken elsewhere or who were revoked. */
  async tend(): Promise<void> {
    const nowMs = this.clock();
    for (const session of this.sessions.all()) {
      if (nowMs >= session.certificateEndsMs) session.close(new FleetError('UNAUTHENTICATED', 'The certificate has run out. Enrol the gateway again.'));
      else if (nowMs - session.lastHeardMs > SILENCE_LIMIT_MS) session.close(new FleetError('GATEWAY_SLOW', 'Nothing was heard for 30 s.'));
      else session.send({ $case: 'ping', value: { sentAtMs: BigInt(nowMs) } });
    }
    const open = this.sessions.all().filter((session) => !session.isClosed);
    const lost = await this.registry.heard(open.map((session) => ({ gatewayId: session.identity.gatewayId, epoch: session.epoch, atMs: session.lastHeardMs })));
    // Not by the gateway: a newer session of it may have come while the registry was asked.
    for (const session of open) if (lost.has(session.identity.gatewayId)) session.close(overElsewhere());
  }

  /** How many sessions were opened and sample batches written at once, at most. */
  get admission(): { peak: number } {
    return { peak: this.lanes.peak };
  }

  /** The gateways whose session this replica holds. */
  heldGateways(): string[] {
    return this.sessions.all().map((session) => session.identity.gatewayId);
  }

  /** Ends the gateway's session here, if this replica holds it; with an epoch, only if it is an older one. */
  cut(gatewayId: string, olderThan?: bigint): void {
    const session = this.sessions.get(gatewayId);
    if (!session || (olderThan !== undefined && session.epoch >= olderThan)) return;
    session.close(overElsewhere());
  }

  /** Gives all agents here what they are to run by themselves, after a change. */
  async remediationsChanged(): Promise<void> {
    await this.push(this.sessions.all());
  }

  /** Gives a new checkpoint to all agents here that are to keep it. */
  async checkpointMade(chain: string): Promise<void> {
    const [value] = await this.checkpoints.forAgents([chain]);
    for (const session of this.sessions.all()) if (value && isWitnessedBy(session.identity.tenantId, chain)) session.send({ $case: 'auditCheckpoint', value });
  }

  async beforeApplicationShutdown(): Promise<void> {
    const open = this.sessions.all();
    for (const session of open) session.close(new FleetError('UNAVAILABLE', 'The controller is stopping. Connect again.'));
    await Promise.allSettled(open.map((session) => this.closed(session)));
  }

  private async push(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    const sets = await this.gatewaySets.of(sessions.map((session) => session.identity.gatewayId));
    for (const session of sessions) session.send({ $case: 'remediations', value: { remediations: sets.get(session.identity.gatewayId) ?? [] } });
  }

  /** The agent cannot read what it was sent: whoever waits for an answer to it is told at once, and it is on record. */
  private noteUnreadable({ identity: { gatewayId, tenantId } }: Session, { bytes, detail }: Unreadable): void {
    const words = textFrom(detail, 500);
    const isQuestion = this.questions.failUnreadable(gatewayId, bytes, words);
    this.logger.error({ gateway: gatewayId, bytes, isQuestion, detail: words }, 'an agent cannot read what it was sent');
    this.audit.note({
      tenantId, actor: { kind: 'gateway', id: gatewayId, name: gatewayId }, action: 'gateway.unreadable', outcome: 'failed', gatewayId,
      summary: `A gateway could not read a message of ${bytes} bytes. Update its agent.`, detail: { bytes, isQuestion, detail: words },
    });
  }

  private async storeSamples(session: Session, batch: SampleBatch): Promise<void> {
    const { identity } = session;
    const nowMs = this.clock();
    if (batch.samples.length > MAX_SAMPLES) throw new FleetError('INVALID_REQUEST', `A batch holds ${MAX_SAMPLES} samples at most.`);
    const rows = batch.samples.flatMap((sample) => toSampleRow(sample, nowMs) ?? []);
    const wans = newestWans(batch);
    const wansText = wans && JSON.stringify(wans);
    await this.lanes.run(() => this.database.transact(new Set([identity.tenantId]), async (t) => {
      await this.history.store(t, { id: identity.gatewayId, tenantId: identity.tenantId }, rows);
      if (wans && wansText !== this.wansTold.get(session)) await this.registry.setWans(t, identity.gatewayId, wans);
      await this.notices.send(t, 'gateway', identity.gatewayId);
    }));
    if (wansText) this.wansTold.set(session, wansText);
    session.send({ $case: 'sampleReceipt', value: { batch: batch.batch } });
  }
}

function newestWans(batch: SampleBatch): Wan[] | undefined {
  let newest: SampleBatch['samples'][number] | undefined;
  for (const sample of batch.samples) if (sample.wans.length > 0 && (!newest || sample.atMs > newest.atMs)) newest = sample;
  return newest?.wans;
}

function overElsewhere(): FleetError {
  return new FleetError('EPOCH_SUPERSEDED', 'This session is over: the gateway was revoked or connected elsewhere.');
}
