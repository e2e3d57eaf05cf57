import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { fleetEvent } from '../../proto/http/fleet.ts';
import { FlushesService } from '../flushes/flushes.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Notices } from '../platform/notices.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { GatewaysService } from './gateways.service.ts';

/** Changes of the same gateway within this time are told once. */
const GATHER_MS = 1000;
/** Silence is a change that nobody announces: an agent whose replica died goes offline by time alone. */
const REFRESH_MS = 15_000;
const PAGE = 500;

/** Who hears events: a stream that may end. */
export interface Listener { send(event: unknown): void; onClose(closer: () => void): void }
type Event = z.output<typeof fleetEvent>;

/** Tells a listener the whole fleet first, then each change of a gateway and of a flush. */
@Injectable()
export class FleetEventsService {
  constructor(
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async watch(scope: TenantScope, listener: Listener): Promise<void> {
    const send = (event: Event): void => listener.send(event);
    const gateways = new Set<string>();
    const flushes = new Set<string>();
    const sendAll = async (): Promise<void> => {
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
        const page = await this.gateways.list(scope, { limit: PAGE, cursor });
        page.items.forEach((gateway) => send({ kind: 'gateway', gateway }));
        cursor = page.cursor;
      }
      send({ kind: 'heartbeat', at: new Date(this.clock()).toISOString() });
    };
    const sendChanged = async (): Promise<void> => {
      const [changedGateways, changedFlushes] = [[...gateways], [...flushes]];
      gateways.clear();
      flushes.clear();
      if (changedGateways.length > 0) for (const gateway of await this.gateways.getMany(scope, changedGateways)) send({ kind: 'gateway', gateway });
      for (const event of await this.flushes.briefly(scope, changedFlushes)) send({ kind: 'flush', ...event });
    };
    const stops = [
      this.notices.on('gateway', (id) => { if (id !== undefined) gateways.add(id); }),
      this.notices.on('flush', (id) => { if (id !== undefined) flushes.add(id.slice(0, 36)); }),
    ];
    const ignore = (): void => undefined;
    const timers = [setInterval(() => { sendChanged().catch(ignore); }, GATHER_MS), setInterval(() => { sendAll().catch(ignore); }, REFRESH_MS)];
    listener.onClose(() => {
      timers.forEach(clearInterval);
      stops.forEach((stop) => stop());
    });
    await sendAll();
  }
}
