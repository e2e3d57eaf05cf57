import { areNow, type Hours } from '../../proto/model/alerts/hours.ts';

const MINUTE_MS = 60_000;

/** A transition of an alert that nobody has been told of yet, with its alert as it is now. */
export interface UntoldTransition {
  id: string;
  alertId: string;
  tenantId: string | null;
  transition: string;
  state: string;
  severity: string;
  title: string;
  parentId: string | null;
}

export interface PlanningReceiver {
  id: string;
  tenantId: string | null;
  name: string;
  kind: string;
  severities: string[];
  addresses: string[];
  hours: Hours | null;
  remindMinutes: number | null;
  createdAt: Date;
}

/** What is to be told to one address. A reminder, or what is told late, is of no transition. */
export interface PlannedDelivery {
  transitionId: string | null;
  alertId: string;
  tenantId: string | null;
  reason: 'raised' | 'reminder' | 'cleared';
  title: string;
  receiver: PlanningReceiver;
  address: string;
}

/** Somebody who was told that an alert was raised. */
export interface ToldAddress {
  alertId: string;
  receiverId: string;
  address: string;
}

/**
 * Who is told of what. That an alert was raised goes to every receiver of its tenant and severity, once to each address. A part of another
 * alert is told with that; one that is silenced is told when its silence ends, if it is still raised; what comes outside a receiver's hours
 * is `planReminders`' to tell. That it was cleared goes to whoever was told that it was raised, whatever the receiver is set to by now, unless that is switched off.
 */
export function planDeliveries(
  transitions: readonly UntoldTransition[],
  receivers: readonly PlanningReceiver[],
  told: readonly ToldAddress[],
  nowMs: number,
): PlannedDelivery[] {
  const known = new Set(told.map(keyOf));
  return transitions.flatMap((transition) => {
    const { id: transitionId, alertId, tenantId, title } = transition;
    const reason = reasonOf(transition);
    if (!reason) return [];
    const planned = { transitionId, alertId, tenantId, reason, title };
    if (reason === 'cleared')
      return told.flatMap((one): PlannedDelivery[] => {
        const receiver = receivers.find(({ id }) => id === one.receiverId);
        return one.alertId === alertId && receiver ? [{ ...planned, receiver, address: one.address }] : [];
      });
    return receivers
      .filter((receiver) => isFor(receiver, transition) && isAwake(receiver, nowMs))
      .flatMap((receiver) =>
        receiver.addresses.flatMap((address): PlannedDelivery[] => {
          const key = keyOf({ alertId, receiverId: receiver.id, address });
          if (known.has(key)) return [];
          known.add(key);
          return [{ ...planned, receiver, address }];
        }),
      );
  });
}

/** An alert that is raised, and that nobody has acknowledged, silenced or made a part of another. */
export interface StandingAlert {
  alertId: string;
  tenantId: string | null;
  severity: string;
  title: string;
  raisedAt: Date;
}

/** When an address was last told of a standing alert, taken or not. */
export interface LastTold extends ToldAddress {
  at: Date;
}

/**
 * What is told again, because a receiver asks to be reminded, and what is told late, because it was raised outside a receiver's hours. Both
 * only within its hours. A receiver that is younger than an alert is told nothing of it.
 */
export function planReminders(
  standing: readonly StandingAlert[],
  receivers: readonly PlanningReceiver[],
  lastTold: readonly LastTold[],
  nowMs: number,
): PlannedDelivery[] {
  const last = new Map(lastTold.map((one) => [keyOf(one), one.at.getTime()]));
  const awake = receivers.filter((receiver) => (receiver.hours || receiver.remindMinutes !== null) && isAwake(receiver, nowMs));
  return standing.flatMap(({ raisedAt, ...alert }) =>
    awake
      .filter((receiver) => isFor(receiver, alert) && receiver.createdAt <= raisedAt)
      .flatMap((receiver) =>
        receiver.addresses.flatMap((address): PlannedDelivery[] => {
          const toldMs = last.get(keyOf({ ...alert, receiverId: receiver.id, address }));
          const isDue = toldMs !== undefined && receiver.remindMinutes !== null && nowMs - toldMs >= receiver.remindMinutes * MINUTE_MS;
          const reason = isDue ? 'reminder' : toldMs === undefined && receiver.hours ? 'raised' : undefined;
          const { alertId, tenantId, title } = alert;
          return reason ? [{ transitionId: null, alertId, tenantId, title, reason, receiver, address }] : [];
        }),
      ),
  );
}

function isAwake({ hours }: PlanningReceiver, nowMs: number): boolean {
  return !hours || areNow(hours, nowMs);
}

function isFor({ tenantId, severities }: PlanningReceiver, alert: { tenantId: string | null; severity: string }): boolean {
  return (tenantId === null || tenantId === alert.tenantId) && severities.includes(alert.severity);
}

function keyOf({ alertId, receiverId, address }: ToldAddress): string {
  return `${alertId} ${receiverId} ${address}`;
}

function reasonOf({ transition, state, parentId }: UntoldTransition): PlannedDelivery['reason'] | undefined {
  if (transition === 'cleared') return 'cleared';
  if (parentId !== null || (transition !== 'raised' && transition !== 'unsilenced')) return undefined;
  // Whoever acknowledged it meanwhile knows; what is over by now is not raised any more.
  return state === 'raised' ? 'raised' : undefined;
}
