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
}

/** What is to be told to one address. */
export interface PlannedDelivery {
  transitionId: string;
  alertId: string;
  tenantId: string | null;
  reason: 'raised' | 'cleared';
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
 * alert is told with that; one that is silenced is told when its silence ends, if it is still raised. That it was cleared goes to whoever
 * was told that it was raised, whatever the receiver is set to by now, unless that is switched off.
 */
export function planDeliveries(
  transitions: readonly UntoldTransition[],
  receivers: readonly PlanningReceiver[],
  told: readonly ToldAddress[],
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
      .filter((receiver) => isFor(receiver, transition))
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

function isFor({ tenantId, severities }: PlanningReceiver, transition: UntoldTransition): boolean {
  return (tenantId === null || tenantId === transition.tenantId) && severities.includes(transition.severity);
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
