import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Hello } from '../../proto/gen/ctfleet/v1/link.ts';
import { TAGS_CHANGED } from '../gateways/notifications.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { LIMITS_CHANGED } from '../plans/notifications.ts';
import { Batches } from '../platform/batches.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { SharedRuns } from '../platform/shared-runs.ts';
import { DIGEST_BYTES, GatewaySetsService } from './gateway-sets.service.ts';
import { REMEDIATIONS_CHANGED } from './notifications.ts';
import { RunsService } from './runs.service.ts';

/** Sessions that are looked at before everything else has its turn. */
const MAX_AT_ONCE = 200;
/** Before a push that failed is tried again; after the last, agents get what they should have with their next session. */
const RETRY_MS = [1000, 5000, 15_000];

/** Agents get the remediations to run on their own, and report their runs. */
@Injectable()
export class RemediationsLink implements LinkPart, OnModuleInit, OnModuleDestroy {
  readonly takes: LinkPart['takes'] = {
    remediationRun: {
      writes: () => 1,
      take: async (session, run) => {
        if (await this.runs.take(session.identity, run)) session.send({ $case: 'remediationRunReceipt', value: { runId: run.id } });
      },
    },
  };
  private stops: (() => void)[] = [];
  /** One after the other, so that no agent is sent an older set after a newer one. */
  private readonly sending = new Batches<Session>((sessions) => this.send(sessions), MAX_AT_ONCE);
  /** Changes that come during a push share the next one. */
  private readonly pushes = new SharedRuns<void>();
  /** The digest of what each agent has, as it said or as it was sent. */
  private readonly has = new WeakMap<Session, string>();

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(GatewaySetsService) private readonly sets: GatewaySetsService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    const push = (): void => {
      this.sets.forget();
      this.pushes
        .run('all', () => this.pushAll())
        .catch((error: unknown) => this.logger.warn({ err: error }, 'remediations could not be sent to agents'));
    };
    // Tags define partners, and limits the mode in which each acts.
    this.stops = [REMEDIATIONS_CHANGED, LIMITS_CHANGED, TAGS_CHANGED].map((kind) => this.notifications.on(kind, push, push));
  }

  onModuleDestroy(): void {
    this.stops.forEach((stop) => stop());
  }

  async opened(session: Session, { remediationsDigest: said }: Hello): Promise<void> {
    if (said.length === DIGEST_BYTES) this.has.set(session, Buffer.from(said).toString('hex'));
    await this.sending.add(session);
  }

  private async pushAll(): Promise<void> {
    const push = (): Promise<unknown> => Promise.all(this.sessions.all().map((session) => this.sending.add(session)));
    for (const waitMs of RETRY_MS) {
      try {
        await push();
        return;
      } catch (error) {
        this.logger.warn({ err: error, waitMs }, 'remediations could not be sent to all agents, and are sent again');
        await delay(waitMs, undefined, { ref: false });
      }
    }
    await push();
  }

  /** Sends each agent the set that it should have, unless it has it. */
  private async send(sessions: readonly Session[]): Promise<void> {
    const sets = await this.sets.of(sessions.map((session) => session.identity.gatewayId));
    for (const [index, session] of sessions.entries()) {
      const { digest, message } = sets[index]!;
      if (this.has.get(session) === digest) continue;
      this.has.set(session, digest);
      session.sendEncoded(message, 'remediations');
    }
    await nextTurn();
  }
}
