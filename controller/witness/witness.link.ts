import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Hello } from '../../proto/gen/ctfleet/v1/link.ts';
import { SYSTEM_CHAIN } from '../audit/chain.ts';
import { CHECKPOINT_SIGNED } from '../audit/notifications.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { Sessions } from '../link/sessions.service.ts';
import { Batches } from '../platform/batches.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { isWitnessedBy, WitnessService } from './witness.service.ts';

/** Agents report at hello which heads they have kept, and get the newest ones, then and whenever one is signed. */
@Injectable()
export class WitnessLink implements LinkPart, OnModuleInit, OnModuleDestroy {
  /** Each tenant's chain is signed in the same minute. */
  private readonly signed = new Batches<string>((chains) => this.tell(chains), 1000);
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

  async opened(session: Session, { witnessed }: Hello): Promise<void> {
    await this.witness.judge(session.identity, witnessed);
    for (const value of await this.witness.forAgents([session.identity.tenantId, SYSTEM_CHAIN]))
      session.send({ $case: 'auditCheckpoint', value });
  }

  /** Sends new checkpoints to all connected agents that should keep them. */
  private async tell(signed: string[]): Promise<void> {
    const sessions = [...this.sessions.all()];
    const chains = signed.filter((chain) => sessions.some(({ identity }) => isWitnessedBy(identity.tenantId, chain)));
    if (chains.length === 0) return;
    for (const value of await this.witness.forAgents(chains))
      for (const session of sessions)
        if (isWitnessedBy(session.identity.tenantId, value.chain)) session.send({ $case: 'auditCheckpoint', value });
  }
}
