import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { WanEventsService } from '../wan-events/wan-events.service.ts';
import { AlertsService } from './alerts.service.ts';

/** Judges WAN events in the transaction that stores them. */
@Injectable()
export class WanEventsJudge implements OnModuleInit {
  constructor(
    @Inject(WanEventsService) private readonly events: WanEventsService,
    @Inject(AlertsService) private readonly alerts: AlertsService,
  ) {}

  onModuleInit(): void {
    this.events.onStored((t, events) => this.alerts.judgeWanEvents(t, events));
  }
}
