'use client';

import type { Grant } from '../../../proto/model/access.ts';
import { Failure } from '../../ui/feedback.tsx';
import type { Group } from './groups.tsx';
import { GiveRole, RoleRows } from './role-rows.tsx';
import { useGroupChange } from './use-group-change.ts';

/** What the members of a group may do, and where. */
export function GroupRoles({ group, isOpen, refusal }: { group: Group; isOpen: boolean; refusal?: string }) {
  const { name, grants } = group;
  const change = useGroupChange(group);
  const isLast = grants.length === 1 ? 'A group has a role. Give another first, or remove the group.' : undefined;
  const onChange = (next: Grant[]) => change.mutate({ grants: next });
  return (
    <div className="people-roles">
      <RoleRows name={name} grants={grants} isOpen={isOpen} refusal={refusal ?? isLast} onChange={onChange} />
      {isOpen && <GiveRole name={name} grants={grants} refusal={refusal} onChange={onChange} />}
      {change.error && <Failure what="The roles stay as they were" error={change.error} />}
    </div>
  );
}
