import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LinkParts, type LinkPart } from '../link/link-parts.service.ts';
import { WanEventsService } from './wan-events.service.ts';

/** Agents tell their failovers until we have them, and what became of the flows that were ended for them. */
@Injectable()
export class WanEventsLink implements LinkPart, OnModuleInit {
  readonly takes: LinkPart['takes'] = {
    wanEvents: {
      writes: () => 1,
      take: async (session, { events }) => {
        await this.events.take(session.identity, events);
        for (const { id, revision } of events) session.send({ $case: 'wanEventReceipt', value: { eventId: id, revision } });
      },
    },
    aftermath: { writes: () => 1, take: (session, aftermath) => this.events.takeAftermath(session.identity, aftermath) },
  };

  constructor(
    @Inject(LinkParts) private readonly link: LinkParts,
    @Inject(WanEventsService) private readonly events: WanEventsService,
  ) {}

  onModuleInit(): void {
    this.link.add(this);
  }
}
