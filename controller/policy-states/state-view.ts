import type { PolicyState as StateView } from '../../proto/http/policy-states.ts';
import { complianceOf, type Standing } from './compliance.ts';
import type { DriftRow } from './drift-merge.ts';

const DAY_MS = 86_400_000;

/** What belongs to a gateway's state. `rollouts`: by the command that put a policy in force. */
interface Told {
  drift: readonly DriftRow[];
  rollouts: ReadonlyMap<string, string>;
}

/** How a gateway stands to its policies, as the API shows it. */
export function toStateView(standing: Standing, { drift, rollouts }: Told, nowMs: number): StateView {
  const { gateway, state, open } = standing;
  const rolloutOf = (commandId: string | null) => {
    const rolloutId = commandId === null ? undefined : rollouts.get(commandId);
    return rolloutId !== undefined && { rolloutId };
  };
  const left = Math.max(0, open - drift.filter((row) => row.state === 'open').length);
  return {
    gatewayId: gateway.id,
    gatewayName: gateway.name,
    tenantId: gateway.tenantId,
    tenantName: gateway.tenant.name,
    siteId: gateway.siteId,
    siteName: gateway.site.name,
    ...complianceOf(standing, nowMs),
    ...(state?.changeId &&
      state.since && { inForce: { policy: state.policy ?? '', since: state.since.toISOString(), ...rolloutOf(state.commandId) } }),
    ...(state?.pendingUntil && {
      pending: { policy: state.pendingPolicy ?? '', until: state.pendingUntil.toISOString(), ...rolloutOf(state.pendingCommandId) },
    }),
    drift: drift
      .filter((row) => isShown(row, nowMs))
      .toSorted(inOrder)
      .map(toDriftView),
    driftLeft: (state?.driftLeft ?? 0) + left,
    ...(state && { reportedAt: state.reportedAt.toISOString() }),
  };
}

function toDriftView({ path, wanted, actual, since, process, state }: DriftRow): StateView['drift'][number] {
  return {
    path,
    ...(wanted !== null && { wanted }),
    ...(actual !== null && { actual }),
    since: since.toISOString(),
    ...(process !== null && { process }),
    state: state as StateView['drift'][number]['state'],
  };
}

/** What is over is shown for a day. */
function isShown({ overAt }: DriftRow, nowMs: number): boolean {
  return overAt === null || nowMs - overAt.getTime() < DAY_MS;
}

const STATES = ['open', 'ignored', 'over'];

/** What needs somebody first, and then the newest. */
function inOrder(a: DriftRow, b: DriftRow): number {
  return (
    STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
    b.since.getTime() - a.since.getTime() ||
    (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)
  );
}
