import { Inject, Injectable } from '@nestjs/common';
import { AlertsService } from '../alerts/alerts.service.ts';
import { ALERT_CHANGED } from '../alerts/notifications.ts';
import { FlushesService } from '../flushes/flushes.service.ts';
import { FLUSH_CHANGED } from '../flushes/notifications.ts';
import { type NotificationKind, ReplicaNotifications } from '../platform/replica-notifications.ts';
import { toSetting, type TenantScope } from '../platform/tenant-scope.ts';
import { RUN_CHANGED } from '../remediations/notifications.ts';
import { RunsService } from '../remediations/runs.service.ts';
import { Changes } from './changes.ts';
import type { Event, Listener } from './listener.ts';

/** Changes of the same flush or run within this time are read once. */
const GATHER_MS = 1000;

/**
 * Sends each change of a flush, of a remediation's run and of an alert. Listeners of the same tenants share what is read: it costs one
 * reading for each set of tenants that somebody watches, not for each listener, and row-level security filters it. What cannot be read is
 * sent once it can be. Where a change may have been missed the streams end: their readers begin again.
 */
@Injectable()
export class WorkEventsService {
  private readonly circles = new Map<string, Circle>();

  constructor(
    @Inject(FlushesService) private readonly flushes: FlushesService,
    @Inject(RunsService) private readonly runs: RunsService,
    @Inject(AlertsService) private readonly alerts: AlertsService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
  ) {}

  /** Until the listener closes. */
  watch(scope: TenantScope, listener: Listener): void {
    const key = toSetting(scope);
    const circle = this.circles.get(key) ?? this.open(scope);
    this.circles.set(key, circle);
    circle.listeners.add(listener);
    listener.onClose(() => {
      circle.listeners.delete(listener);
      if (circle.listeners.size > 0) return;
      circle.end();
      if (this.circles.get(key) === circle) this.circles.delete(key);
    });
  }

  private open(scope: TenantScope): Circle {
    const listeners = new Set<Listener>();
    const send = (event: Event): void => listeners.forEach((listener) => listener.send(event));
    const kinds: [NotificationKind, Changes][] = [
      [
        FLUSH_CHANGED,
        new Changes(async (ids) => {
          for (const event of await this.flushes.briefly(scope, ids)) send({ kind: 'flush', ...event });
        }),
      ],
      [
        RUN_CHANGED,
        new Changes(async (ids) => {
          for (const event of await this.runs.briefly(scope, ids)) send({ kind: 'remediation-run', ...event });
        }),
      ],
      [
        ALERT_CHANGED,
        new Changes(async (ids) => {
          for (const event of await this.alerts.briefly(scope, ids)) send({ kind: 'alert', ...event });
        }),
      ],
    ];
    const missed = (): void => [...listeners].forEach((listener) => listener.close());
    const stops = kinds.map(([kind, changes]) => this.notifications.on(kind, (id) => changes.note(id), missed));
    const timer = setInterval(() => kinds.forEach(([, changes]) => void changes.tell()), GATHER_MS);
    return {
      listeners,
      end: () => {
        clearInterval(timer);
        stops.forEach((stop) => stop());
      },
    };
  }
}

/** Those who watch the same tenants. */
interface Circle {
  listeners: Set<Listener>;
  end(): void;
}
