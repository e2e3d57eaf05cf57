import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { watchFleet } from '../../proto/http/fleet.ts';
import { changeBetween, saysMore } from '../../proto/http/overview-change.ts';
import type { Overview } from '../../proto/http/overview.ts';
import { FleetService } from '../fleet/fleet.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { Listener } from './listener.ts';
import { WatchedGateways } from './watched-gateways.ts';
import { WorkEventsService } from './work-events.service.ts';

/** How often a listener is told what has changed. */
const TELL_MS = 1000;
const HEARTBEAT_MS = 15_000;

/**
 * Sends a listener the state of what it asked for, then what changes of it: gateways, or differences of the overview; and each change of a
 * flush, of a remediation's run and of an alert. Gateways and overview are served from the fleet's state in memory.
 */
@Injectable()
export class FleetEventsService {
  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(WorkEventsService) private readonly work: WorkEventsService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Resolves once the state was sent or the listener was closed; continues until the listener closes. */
  async watch(scope: TenantScope, asked: z.output<typeof watchFleet.query>, listener: Listener): Promise<void> {
    const gateways = new WatchedGateways(asked.ids ?? []);
    let told: Overview | undefined;
    let isTelling = false;
    const tell = async (): Promise<void> => {
      if (isTelling) return;
      isTelling = true;
      try {
        if (asked.ids) {
          const find = await this.fleet.finder(scope);
          gateways.events(find).forEach((event) => listener.send(event));
        }
        if (asked.watch === 'overview') {
          const overview = await this.fleet.overview(scope, asked);
          const change = changeBetween(told, overview);
          if (!told || told.isOld !== overview.isOld || saysMore(change)) listener.send({ kind: 'overview', ...change });
          told = overview;
        }
      } finally {
        isTelling = false;
      }
    };
    const beat = (): void => listener.send({ kind: 'heartbeat', at: new Date(this.clock()).toISOString() });
    this.work.watch(scope, listener);
    try {
      await tell();
    } catch {
      listener.close();
      return;
    }
    beat();
    const timers = [setInterval(() => void tell().catch(() => listener.close()), TELL_MS), setInterval(beat, HEARTBEAT_MS)];
    listener.onClose(() => timers.forEach(clearInterval));
  }
}
