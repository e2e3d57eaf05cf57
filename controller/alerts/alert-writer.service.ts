import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { AlertsRepository, type WrittenAlert } from './alerts.repository.ts';
import type { Findings, FoundAlert, OpenAlert } from './judging/found-alert.ts';
import { ALERT_CHANGED } from './notifications.ts';
import { childrenOf, parentOf } from './placing.ts';
import type { RulesInForce } from './rules-in-force.ts';

/** Writes what judges found, in their transaction: alerts with their transitions, of what they are part, and who hears of it. */
@Injectable()
export class AlertWriter {
  constructor(
    @Inject(AlertsRepository) private readonly alerts: AlertsRepository,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
  ) {}

  /** A few statements, however many alerts; none for none. What is over goes first, so that the same thing can begin again. */
  async write(t: Transaction, { found, cleared, withdrawn }: Findings, rules: RulesInForce, nowMs: number): Promise<void> {
    const now = new Date(nowMs);
    const changed: string[] = [];
    if (withdrawn.length > 0) await this.alerts.withdraw(t, withdrawn);
    if (cleared.length > 0) changed.push(...(await this.alerts.clear(t, cleared, now)));
    if (found.length > 0) changed.push(...(await this.raise(t, found, rules, nowMs)));
    if (changed.length > 0) await this.notifications.sendMany(t, ALERT_CHANGED, changed);
  }

  private async raise(t: Transaction, found: FoundAlert[], rules: RulesInForce, nowMs: number): Promise<string[]> {
    const now = new Date(nowMs);
    const gatewayIds = [...new Set(found.flatMap(({ gatewayId, raisedAt }) => (gatewayId && raisedAt ? [gatewayId] : [])))];
    const open = gatewayIds.length > 0 ? await this.alerts.open(t, gatewayIds) : [];
    const adopted: { parentId: string; childIds: string[] }[] = [];
    const joined = new Map<string, FoundAlert>();
    const written = found.map((one): WrittenAlert => {
      if (one.raisedAt === undefined) return one;
      const own = open.find(({ fingerprint }) => fingerprint === one.fingerprint);
      const alert = own ? { ...one, id: own.id } : one;
      const silenced = silenceOf(alert, rules, nowMs);
      const parentId = own?.parentId ?? parentOf(alert, open);
      const childIds = parentId === undefined ? childrenOf(alert, open) : [];
      if (parentId !== undefined && (!own || own.isPending)) joined.set(parentId, alert);
      if (childIds.length > 0) adopted.push({ parentId: alert.id, childIds });
      note(open, alert, parentId, childIds);
      return { ...alert, ...(parentId !== undefined && { parentId }), ...(silenced && { silenced }) };
    });
    const ids = await this.alerts.write(t, written, now);
    await this.alerts.adopt(t, adopted);
    const grown = [...joined].map(([id, { tenantId, title }]) => ({ id, tenantId, note: title }));
    if (grown.length > 0) await this.alerts.grew(t, grown, now);
    return [...ids.map(({ id }) => id), ...joined.keys()];
  }
}

/** What is open once this is raised, for what is raised with it. */
function note(open: OpenAlert[], alert: FoundAlert, parentId: string | undefined, childIds: string[]): void {
  for (const one of open) if (childIds.includes(one.id)) one.parentId = alert.id;
  const { id, fingerprint, kind, severity, pendingSince } = alert;
  const own = {
    id,
    fingerprint,
    gatewayId: alert.gatewayId ?? null,
    kind,
    severity,
    parentId: parentId ?? null,
    pendingSince,
    isPending: false,
  };
  const at = open.findIndex((one) => one.id === id);
  if (at >= 0) open[at] = own;
  else open.push(own);
}

function silenceOf({ gatewayId, raisedAt }: FoundAlert, rules: RulesInForce, nowMs: number): WrittenAlert['silenced'] {
  const window = gatewayId !== undefined && raisedAt ? rules.windowOn(gatewayId, nowMs) : undefined;
  return window && { until: window.until, by: window.name, reason: `maintenance window ${window.name}` };
}
