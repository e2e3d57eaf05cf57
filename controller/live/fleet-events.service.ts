import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { fleetEvent, Gateway } from '../../proto/http/fleet.ts';
import { FlushesService } from '../flushes/flushes.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { GatewaysService } from '../gateways/gateways.service.ts';
import { RUN_CHANGED } from '../remediations/notifications.ts';
import { RunsService } from '../remediations/runs.service.ts';
import { FLUSH_CHANGED } from '../flushes/notifications.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';

/** Changes of the same gateway within this time are sent once. */
const GATHER_MS = 1000;
/** Going silent is a change that nobody announces: an agent whose replica died goes offline by time alone. */
const REFRESH_MS = 15_000;
const PAGE = 500;

/** A receiver of events: a stream that may end. */
export interface Listener {
  send(event: unknown): void;
  onClose(closer: () => void): void;
}
type Event = z.output<typeof fleetEvent>;

/** Sends a listener the whole fleet first, then each change of a gateway, of a flush and of a remediation's run. */
@Injectable()
export class FleetEventsService {
  constructor(
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Resolves once the whole fleet was sent; continues until the listener closes. */
  async watch(scope: TenantScope, listener: Listener): Promise<void> {
    const send = (event: Event): void => listener.send(event);
    const told = new Map<string, string>();
    const gateways = new Set<string>();
    const flushes = new Set<string>();
    const runs = new Set<string>();
    const sendGateway = (gateway: Gateway): void => {
      told.set(gateway.id, gateway.state);
      send({ kind: 'gateway', gateway });
    };
    const sendAll = async (): Promise<void> => {
      for await (const gateway of this.all(scope)) sendGateway(gateway);
      send({ kind: 'heartbeat', at: new Date(this.clock()).toISOString() });
    };
    const sendSilent = async (): Promise<void> => {
      for await (const gateway of this.all(scope)) if (told.get(gateway.id) !== gateway.state) sendGateway(gateway);
      send({ kind: 'heartbeat', at: new Date(this.clock()).toISOString() });
    };
    const sendChanged = async (): Promise<void> => {
      const [changedGateways, changedFlushes, changedRuns] = [[...gateways], [...flushes], [...runs]];
      gateways.clear();
      flushes.clear();
      runs.clear();
      if (changedGateways.length > 0) (await this.gateways.getMany(scope, changedGateways)).forEach(sendGateway);
      for (const event of await this.flushes.briefly(scope, changedFlushes)) send({ kind: 'flush', ...event });
      for (const event of await this.runs.briefly(scope, changedRuns)) send({ kind: 'remediation-run', ...event });
    };
    // A short database outage does not end streams; missed changes are sent afterwards.
    const quietly = (work: () => Promise<void>) => (): void => {
      work().catch(() => undefined);
    };
    // Who looks at a flush or a run asks for it; this stream only says that one changed.
    const untold = (): void => undefined;
    const stops = [
      this.notifications.on(GATEWAY_CHANGED, (id) => gateways.add(id), quietly(sendAll)),
      this.notifications.on(FLUSH_CHANGED, (id) => flushes.add(id), untold),
      this.notifications.on(RUN_CHANGED, (id) => runs.add(id), untold),
    ];
    const timers = [setInterval(quietly(sendChanged), GATHER_MS), setInterval(quietly(sendSilent), REFRESH_MS)];
    listener.onClose(() => {
      timers.forEach(clearInterval);
      stops.forEach((stop) => stop());
    });
    await sendAll();
  }

  private async *all(scope: TenantScope): AsyncIterable<Gateway> {
    let cursor: string | undefined;
    do {
      const page = await this.gateways.list(scope, { limit: PAGE, cursor });
      yield* page.items;
      ({ cursor } = page);
    } while (cursor !== undefined);
  }
}
