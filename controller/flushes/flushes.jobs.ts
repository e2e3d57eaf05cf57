import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { Queues } from '../queue/queues.ts';
import { WorkLoop } from '../queue/work-loop.ts';
import { DeadlinesService } from './deadlines.service.ts';
import { DeliveryService } from './delivery.service.ts';
import { DELIVERIES } from './deliveries.ts';
import { WORK_WAITING } from './notifications.ts';
import { RelayService } from './relay.service.ts';
import { WavesService } from './waves.service.ts';

const DELIVERIES_AT_ONCE = 6;

/** Relays the outbox, delivers across all replicas, ends late commands and begins the waves that are due. */
@Injectable()
export class FlushesJobs implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private stopListening: (() => void) | undefined;

  constructor(
    @Inject(RelayService) private readonly relay: RelayService,
    @Inject(DeadlinesService) private readonly deadlines: DeadlinesService,
    @Inject(WavesService) private readonly waves: WavesService,
    @Inject(DeliveryService) private readonly delivery: DeliveryService,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(WorkLoop) private readonly loop: WorkLoop,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
  ) {}

  onModuleInit(): void {
    this.loop.everyTick('the outbox could not be relayed', () => this.relay.relay());
    this.loop.everyTick('late commands could not be ended', () => this.deadlines.sweep());
    this.loop.everyTick('waves could not be advanced', () => this.waves.sweep());
    const wake = (): void => this.loop.wake();
    this.stopListening = this.notifications.on(WORK_WAITING, wake, wake);
  }

  onApplicationBootstrap(): void {
    this.queues.work(DELIVERIES, DELIVERIES_AT_ONCE, { deliver: ({ gatewayIds }) => this.delivery.deliverAnywhere(gatewayIds) });
  }

  onModuleDestroy(): void {
    this.stopListening?.();
  }
}
