import type { Grant } from '../../proto/model/access.ts';
import { changesOf } from '../access/may-give.ts';

/** A group as it was or is. */
export interface GroupState {
  name: string;
  grants: readonly Grant[];
  members: readonly { id: string; name: string }[];
}

/** What one audit chain says of a change; without a tenant, the installation's. */
export interface TrailEntry {
  tenantId?: string;
  what: string;
  detail: Record<string, unknown>;
}

const NOTHING: GroupState = { name: '', grants: [], members: [] };

/**
 * What is written where when a group is made (no `before`), changed or removed (no `after`); nothing if it is as before. Whoever reads a
 * tenant's chain need not see the group: all of it is written there only if it never gave a role elsewhere. Otherwise the installation's
 * chain has all, and each tenant's what is given to whom there, without the group's name.
 */
export function entriesOf(groupId: string, before = NOTHING, after = NOTHING): TrailEntry[] {
  const places = [...new Set([...before.grants, ...after.grants].map(({ tenantId }) => tenantId))];
  const home = places.length === 1 ? places[0]! : null;
  const verb = before === NOTHING ? 'made' : after === NOTHING ? 'removed' : 'changed';
  const name = (after === NOTHING ? before : after).name;
  return [home, ...places.filter((place) => place !== home && place !== null)].flatMap((place): TrailEntry[] => {
    const isWhole = place === home;
    const detail = isWhole ? detailOf(before, after) : detailOf(seenIn(place, before), seenIn(place, after));
    if (Object.keys(detail).length === 0) return [];
    const what = isWhole ? `${verb} the group ${name}` : 'changed the roles here of a group with roles elsewhere';
    return [{ tenantId: place ?? undefined, what, detail: { ...(isWhole && { groupId }), ...detail } }];
  });
}

/** Of a tenant in which the group gives no role its members are none of that tenant's. */
function seenIn(tenantId: string | null, { grants, members }: GroupState): GroupState {
  const here = grants.filter((grant) => grant.tenantId === tenantId);
  return { name: '', grants: here, members: here.length > 0 ? members : [] };
}

/** Only what differs. */
function detailOf(before: GroupState, after: GroupState): Record<string, unknown> {
  const { added, removed } = changesOf(before.grants, after.grants);
  const changed = [
    ...(before.name === after.name ? [] : (['name'] as const)),
    ...(added.length + removed.length === 0 ? [] : (['grants'] as const)),
  ];
  const pick = (from: GroupState) => Object.fromEntries(changed.map((key) => [key, from[key]]));
  const membersAdded = without(after.members, before.members);
  const membersRemoved = without(before.members, after.members);
  return {
    ...(changed.length > 0 && before.grants.length > 0 && { before: pick(before) }),
    ...(changed.length > 0 && after.grants.length > 0 && { after: pick(after) }),
    ...(membersAdded.length > 0 && { membersAdded }),
    ...(membersRemoved.length > 0 && { membersRemoved }),
  };
}

function without(members: GroupState['members'], others: GroupState['members']): GroupState['members'] {
  const ids = new Set(others.map(({ id }) => id));
  return members.filter(({ id }) => !ids.has(id));
}
