import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { SampleBatch } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Admission } from '../link/admission.service.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import type { Session } from '../link/session.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { HistoryService } from './history.service.ts';
import { toSampleRow } from './sample-row.ts';

/** Per batch; agents send 60. */
const MAX_SAMPLES = 500;
/** Samples that an agent sends together. */
const SAMPLES_OF_A_WRITE = 60;

/** Stores the samples that agents send, and acknowledges each batch once it is stored. */
@Injectable()
export class HistoryLink implements LinkPart, OnModuleInit {
  readonly takes: LinkPart['takes'] = {
    samples: {
      writes: ({ samples }) => Math.max(1, samples.length / SAMPLES_OF_A_WRITE),
      take: (session, batch) => this.store(session, batch),
    },
  };

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(HistoryService) private readonly history: HistoryService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
  }

  private async store(session: Session, { batch, samples }: SampleBatch): Promise<void> {
    const { gatewayId, tenantId } = session.identity;
    const nowMs = this.clock();
    if (samples.length > MAX_SAMPLES) throw new FleetError('INVALID_REQUEST', `A batch holds at most ${MAX_SAMPLES} samples.`);
    const rows = samples.flatMap((sample) => toSampleRow(sample, nowMs) ?? []);
    await this.admission.run(() =>
      this.database.transact(new Set([tenantId]), async (t) => {
        await this.history.store(t, { id: gatewayId, tenantId }, rows);
        await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
      }),
    );
    session.send({ $case: 'sampleReceipt', value: { batch } });
  }
}
