'use client';

import { useState } from 'react';
import type { Grant } from '../../../proto/model/access.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import type { Group } from './groups.tsx';
import { RolePicker, useTenantName } from './role-picker.tsx';
import { useGroupChange } from './use-group-change.ts';

/** What the members of a group may do, and where. */
export function GroupRoles({ group, isOpen, refusal }: { group: Group; isOpen: boolean; refusal?: string }) {
  const { name, grants } = group;
  const nameOf = useTenantName();
  const [added, setAdded] = useState<Grant>({ role: 'viewer', tenantId: null });
  const change = useGroupChange(group);
  const isThere = grants.some(({ role, tenantId }) => role === added.role && tenantId === added.tenantId);
  const isLast = grants.length === 1 ? 'A group has a role. Give another first, or remove the group.' : undefined;
  return (
    <div className="people-roles">
      {grants.map((grant) => (
        <div className="row" key={`${grant.role}.${grant.tenantId}`}>
          <span>
            {grant.role} <span className="dim2">{nameOf(grant.tenantId)}</span>
          </span>
          {isOpen && (
            <Button
              size="slim"
              kind="quiet"
              label={`Take away ${grant.role} for ${nameOf(grant.tenantId)} from ${name}`}
              refusal={refusal ?? isLast}
              onClick={() => change.mutate({ grants: grants.filter((one) => one !== grant) })}
            >
              Take away
            </Button>
          )}
        </div>
      ))}
      {isOpen && (
        <div className="row">
          <RolePicker value={added} onChange={setAdded} />
          <Button
            size="slim"
            refusal={refusal ?? (isThere ? `${name} has this role.` : undefined)}
            onClick={() => change.mutate({ grants: [...grants, added] })}
          >
            Give
          </Button>
        </div>
      )}
      {change.error && <Failure what="The roles stay as they were" error={change.error} />}
    </div>
  );
}
