import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { SampleBatch } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { toFleetError } from '../platform/problem.ts';
import { Ingest } from './ingest.service.ts';
import { toSampleRow } from './sample-row.ts';

/** Per batch; agents send 60. */
const MAX_SAMPLES = 500;
/** Samples that cost as much as a transaction. */
const SAMPLES_OF_A_WRITE = 60;

/**
 * Takes the samples that agents send, and acknowledges each batch once it is stored. The messages after a batch are handled meanwhile; only
 * a second batch of the same gateway waits for the first.
 */
@Injectable()
export class HistoryLink implements LinkPart, OnModuleInit {
  readonly takes: LinkPart['takes'] = {
    samples: {
      writes: ({ samples }) => Math.max(1, samples.length) / SAMPLES_OF_A_WRITE,
      take: (session, batch) => this.take(session, batch),
    },
  };

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Ingest) private readonly ingest: Ingest,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
  }

  private async take(session: Session, batch: SampleBatch): Promise<void> {
    const nowMs = this.clock();
    if (batch.samples.length > MAX_SAMPLES) throw new FleetError('INVALID_REQUEST', `A batch holds at most ${MAX_SAMPLES} samples.`);
    const rows = batch.samples.flatMap((sample) => toSampleRow(sample, nowMs) ?? []);
    const { stored } = await this.ingest.accept(session, batch, rows);
    stored.then(
      (isStored) => isStored && session.send({ $case: 'sampleReceipt', value: { batch: batch.batch } }),
      (error: unknown) => {
        this.logger.warn({ gateway: session.identity.gatewayId, err: error }, 'samples of a gateway cannot be stored');
        session.close(toFleetError(error));
      },
    );
  }
}
