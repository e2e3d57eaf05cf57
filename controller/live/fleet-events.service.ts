import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { fleetEvent, Gateway } from '../../proto/http/fleet.ts';
import { FlushesService } from '../flushes/flushes.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { type NotificationKind, ReplicaNotifications } from '../platform/replica-notifications.ts';
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

/** A receiver of events: a stream that may end, or be ended so that its reader begins again. */
export interface Listener {
  send(event: unknown): void;
  onClose(closer: () => void): void;
  close(): void;
}
type Event = z.output<typeof fleetEvent>;

/**
 * Sends a listener the whole fleet first, then each change of a gateway, of a flush and of a remediation's run. What cannot be read is sent
 * once it can be. Where a change may have been missed the stream ends: its reader begins again with everything.
 */
@Injectable()
export class FleetEventsService {
  constructor(
    @Inject(GatewaysService) private readonly gateways: GatewaysService,
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Resolves once the whole fleet was sent or the listener was closed; continues until the listener closes. */
  async watch(scope: TenantScope, listener: Listener): Promise<void> {
    const send = (event: Event): void => listener.send(event);
    const told = new Map<string, string>();
    const sendGateway = (gateway: Gateway): void => {
      told.set(gateway.id, gateway.state);
      send({ kind: 'gateway', gateway });
    };
    const sendAll = async (needs: (gateway: Gateway) => boolean): Promise<void> => {
      for await (const gateway of this.all(scope)) if (needs(gateway)) sendGateway(gateway);
      send({ kind: 'heartbeat', at: new Date(this.clock()).toISOString() });
    };
    const kinds = [
      new Changes(GATEWAY_CHANGED, async (ids) => (await this.gateways.getMany(scope, ids)).forEach(sendGateway)),
      new Changes(FLUSH_CHANGED, async (ids) => {
        for (const event of await this.flushes.briefly(scope, ids)) send({ kind: 'flush', ...event });
      }),
      new Changes(RUN_CHANGED, async (ids) => {
        for (const event of await this.runs.briefly(scope, ids)) send({ kind: 'remediation-run', ...event });
      }),
    ];
    const stops = kinds.map((changes) =>
      this.notifications.on(
        changes.kind,
        (id) => changes.note(id),
        () => listener.close(),
      ),
    );
    const sendChanged = (): void => kinds.forEach((changes) => void changes.tell());
    const sendSilent = (): void => void sendAll(({ id, state }) => told.get(id) !== state).catch(() => undefined);
    const timers = [setInterval(sendChanged, GATHER_MS), setInterval(sendSilent, REFRESH_MS)];
    listener.onClose(() => {
      timers.forEach(clearInterval);
      stops.forEach((stop) => stop());
    });
    await sendAll(() => true).catch(() => listener.close());
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

/** The ids of one kind that changed and are still to be told. */
class Changes {
  private readonly ids = new Set<string>();
  private isTelling = false;

  constructor(
    readonly kind: NotificationKind,
    private readonly send: (ids: string[]) => Promise<void>,
  ) {}

  note(id: string): void {
    this.ids.add(id);
  }

  /** Never rejects: what could not be read is told with the next. One at a time, so that nothing old is sent after something newer. */
  async tell(): Promise<void> {
    if (this.isTelling || this.ids.size === 0) return;
    this.isTelling = true;
    const ids = [...this.ids];
    this.ids.clear();
    await this.send(ids).catch(() => ids.forEach((id) => this.ids.add(id)));
    this.isTelling = false;
  }
}
