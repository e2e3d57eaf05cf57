import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { SampleBatch } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Wan } from '../../proto/gen/ctfleet/v1/stats.ts';
import { LinkParts, type Admitted, type LinkPart } from '../link/link-parts.service.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import type { Session } from '../link/session.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { GatewaysRepository } from './gateways.repository.ts';
import { toSelfDescription, toWansJson } from './self-description.ts';

/** Stores what gateways report about themselves: everything at hello, and their WANs with each sample that shows a change. */
@Injectable()
export class GatewaysLink implements LinkPart, OnModuleInit {
  readonly takes: LinkPart['takes'] = { samples: { take: (session, batch) => this.noteWans(session, batch) } };
  private readonly known = new WeakMap<Session, string>();

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
  }

  async admit(t: Transaction, { gatewayId, hello }: Admitted): Promise<void> {
    await this.gateways.describe(t, gatewayId, toSelfDescription(hello));
  }

  private async noteWans(session: Session, batch: SampleBatch): Promise<void> {
    const newest = newestWans(batch);
    if (!newest) return;
    const wans = toWansJson(newest);
    const text = JSON.stringify(wans);
    if (text === this.known.get(session)) return;
    const { gatewayId, tenantId } = session.identity;
    await this.database.transact(new Set([tenantId]), async (t) => {
      await this.gateways.setWans(t, gatewayId, wans);
      await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
    });
    this.known.set(session, text);
  }
}

function newestWans({ samples }: SampleBatch): Wan[] | undefined {
  let newest: SampleBatch['samples'][number] | undefined;
  for (const sample of samples) if (sample.wans.length > 0 && (!newest || sample.atMs > newest.atMs)) newest = sample;
  return newest?.wans;
}
