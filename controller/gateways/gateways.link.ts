import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Hello, SampleBatch } from '../../proto/gen/ctfleet/v1/link.ts';
import type { Wan } from '../../proto/gen/ctfleet/v1/stats.ts';
import { Ingest, type Follower } from '../history/ingest.service.ts';
import { LinkParts, type Admitted, type LinkPart } from '../link/link-parts.service.ts';
import type { Session } from '../link/session.ts';
import type { Transaction } from '../platform/database.ts';
import { GatewaysRepository } from './gateways.repository.ts';
import { toSelfDescription, toWansJson } from './self-description.ts';

/** WANs of a gateway that differ from what its session told before. */
interface ChangedWans {
  session: Session;
  text: string;
}

/** Stores what gateways report about themselves: everything at hello, and their WANs with the samples that show a change. */
@Injectable()
export class GatewaysLink implements LinkPart, Follower<ChangedWans>, OnModuleInit {
  private readonly known = new WeakMap<Session, string>();

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(Ingest) private readonly ingest: Ingest,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
    this.ingest.follow(this);
  }

  async admit(t: Transaction, { gatewayId, hello }: Admitted): Promise<void> {
    await this.gateways.describe(t, gatewayId, toSelfDescription(hello));
  }

  async opened(session: Session, { wans }: Hello): Promise<void> {
    this.known.set(session, textOf(wans));
  }

  read(session: Session, batch: SampleBatch): ChangedWans | undefined {
    const newest = newestWans(batch);
    const text = newest && textOf(newest);
    return text === undefined || text === this.known.get(session) ? undefined : { session, text };
  }

  /** Of a gateway whose row someone holds, nothing: its next sample tells it again. */
  async store(t: Transaction, changed: ChangedWans[]): Promise<void> {
    const told = new Map(changed.map(({ session, text }) => [session.identity.gatewayId, text]));
    const stored = await this.gateways.setWans(t, told);
    for (const { session, text } of changed) if (stored.has(session.identity.gatewayId)) this.known.set(session, text);
  }
}

const textOf = (wans: Wan[]): string => JSON.stringify(toWansJson(wans));

function newestWans({ samples }: SampleBatch): Wan[] | undefined {
  let newest: SampleBatch['samples'][number] | undefined;
  for (const sample of samples) if (sample.wans.length > 0 && (!newest || sample.atMs > newest.atMs)) newest = sample;
  return newest?.wans;
}
