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

/**
 * Who is told of what. A part of another alert is told with that; one that is silenced is told when its silence ends, if it is still
 * raised; that it was cleared only where it was told that it was raised.
 * @param toldOf who was told that an alert was raised, as `alert receiver address`
 */
export function planDeliveries(
  transitions: readonly UntoldTransition[],
  receivers: readonly PlanningReceiver[],
  toldOf: ReadonlySet<string>,
): PlannedDelivery[] {
  const told = new Set(toldOf);
  return transitions.flatMap((transition) => {
    const reason = reasonOf(transition);
    if (!reason) return [];
    return receivers
      .filter(
        ({ tenantId, severities }) => (tenantId === null || tenantId === transition.tenantId) && severities.includes(transition.severity),
      )
      .flatMap((receiver) =>
        receiver.addresses.flatMap((address): PlannedDelivery[] => {
          const key = keyOf(transition.alertId, receiver.id, address);
          // Told once that it is raised, however often its silence ends; and once that it is over.
          if (reason === 'raised' ? told.has(key) : !told.has(key)) return [];
          if (reason === 'raised') told.add(key);
          const { id: transitionId, alertId, tenantId, title } = transition;
          return [{ transitionId, alertId, tenantId, reason, title, receiver, address }];
        }),
      );
  });
}

export function keyOf(alertId: string, receiverId: string, address: string): string {
  return `${alertId} ${receiverId} ${address}`;
}

function reasonOf({ transition, state, parentId }: UntoldTransition): PlannedDelivery['reason'] | undefined {
  if (transition === 'cleared') return 'cleared';
  if (parentId !== null || (transition !== 'raised' && transition !== 'unsilenced')) return undefined;
  // Whoever acknowledged it meanwhile knows; what is over by now is not raised any more.
  return state === 'raised' ? 'raised' : undefined;
}
