import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { AuditCheckpoint, Hello } from '../../proto/gen/ctfleet/v1/link.ts';
import { SYSTEM_CHAIN } from '../audit/chain.ts';
import { CHECKPOINT_SIGNED } from '../audit/notifications.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import { encoded, type Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { BatchedReads } from '../platform/batched-reads.ts';
import { Batches } from '../platform/batches.ts';
import { inChunks } from '../platform/in-chunks.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { isWitnessedBy, WitnessService, type Witnessed } from './witness.service.ts';

/** Sessions that are read for at once; each may have kept the heads of some minutes. */
const MAX_AT_ONCE = 100;

/** Agents report at hello which heads they have kept, and get the newest ones, then and whenever one is signed. */
@Injectable()
export class WitnessLink implements LinkPart, OnModuleInit, OnModuleDestroy {
  /** Each tenant's chain is signed in the same minute. */
  private readonly signed = new Batches<string>((chains) => this.tell(chains), 1000);
  /** Of sessions that are opened at the same moment. */
  private readonly judged = new BatchedReads((all: Witnessed[]) => this.judgeAll(all), MAX_AT_ONCE);
  private stopListening: (() => void) | undefined;

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(WitnessService) private readonly witness: WitnessService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    this.stopListening = this.notifications.on(
      CHECKPOINT_SIGNED,
      (chain) => {
        this.signed
          .add(chain)
          .catch((error: unknown) => this.logger.warn({ chain, err: error }, 'a checkpoint could not be sent to agents'));
      },
      () => undefined, // the next checkpoint covers a missed one
    );
  }

  onModuleDestroy(): void {
    this.stopListening?.();
  }

  /** An agent is sent the heads that it has not said it has. */
  async opened(session: Session, { witnessed }: Hello): Promise<void> {
    for (const value of await this.judged.of({ gateway: session.identity, witnessed }))
      if (!witnessed.some((one) => isSame(one, value))) session.send({ $case: 'auditCheckpoint', value });
  }

  /** The newest heads for each, once what each has kept is checked. */
  private async judgeAll(all: Witnessed[]): Promise<AuditCheckpoint[][]> {
    await this.witness.judgeAll(all);
    const heads = await this.witness.forAgents([...new Set(all.map(({ gateway }) => gateway.tenantId)), SYSTEM_CHAIN]);
    return all.map(({ gateway: { tenantId } }) => heads.filter(({ chain }) => isWitnessedBy(tenantId, chain)));
  }

  /** Sends new checkpoints to all connected agents that should keep them. */
  private async tell(signed: string[]): Promise<void> {
    const sessions = [...this.sessions.all()];
    const chains = signed.filter((chain) => sessions.some(({ identity }) => isWitnessedBy(identity.tenantId, chain)));
    if (chains.length === 0) return;
    for (const value of await this.witness.forAgents(chains)) {
      const bytes = encoded({ $case: 'auditCheckpoint', value });
      await inChunks(
        sessions.filter(({ identity }) => isWitnessedBy(identity.tenantId, value.chain)),
        (session) => session.sendEncoded(bytes),
      );
    }
  }
}

function isSame(one: AuditCheckpoint, other: AuditCheckpoint): boolean {
  return one.chain === other.chain && one.seq === other.seq && one.hash === other.hash;
}
