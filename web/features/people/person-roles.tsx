'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import type { Grant } from '../../../proto/model/access.ts';
import { call } from '../../lib/controller/client.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import type { Person } from './people.tsx';
import { useTenantName } from './role-picker.tsx';
import { GiveRole, RoleRows } from './role-rows.tsx';

/** What a person may do, and where; effective with the person's next request. */
export function PersonRoles({
  person: { id, name, grants, directoryGrants, groupGrants },
  isOpen,
  refusal,
}: {
  person: Person;
  isOpen: boolean;
  refusal?: string;
}) {
  const client = useQueryClient();
  const nameOf = useTenantName();
  const save = useMutation({
    mutationFn: (next: Grant[]) => call(routes.updatePerson, { params: { id }, body: { grants: next } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['people'] }),
  });
  return (
    <div className="people-roles">
      {grants.length + directoryGrants.length + groupGrants.length === 0 && <span className="dim">none</span>}
      <RoleRows name={name} grants={grants} isOpen={isOpen} refusal={refusal} onChange={(next) => save.mutate(next)} />
      {directoryGrants.map((grant) => (
        <div key={`${grant.provider}.${grant.role}.${grant.tenantId}`}>
          {grant.role} <span className="dim2">{nameOf(grant.tenantId)}</span> <span className="dim small">by {grant.provider}</span>
        </div>
      ))}
      {groupGrants.map((grant) => (
        <GroupGrant
          key={`${grant.group?.id}.${grant.role}.${grant.tenantId}`}
          grant={grant}
          place={nameOf(grant.tenantId)}
          label={isOpen ? `Take away ${grant.role} for ${nameOf(grant.tenantId)} from ${name}` : undefined}
        />
      ))}
      {isOpen && <GiveRole name={name} grants={grants} refusal={refusal} onChange={(next) => save.mutate(next)} />}
      {save.error && <Failure what="The roles stay as they were" error={save.error} />}
    </div>
  );
}

/** A role that comes from a group, and goes only with it. */
function GroupGrant({ grant: { role, group }, place, label }: { grant: Person['groupGrants'][number]; place: string; label?: string }) {
  const cure =
    group === undefined
      ? 'It comes through a group with roles in other tenants. Ask somebody who sees those.'
      : `It comes through the group ${group.name}. Change the group.`;
  return (
    <div className="row">
      <span>
        {role} <span className="dim2">{place}</span>{' '}
        <span className="dim small">
          through {group === undefined ? 'a group of several tenants' : <Link href="/people/groups">group {group.name}</Link>}
        </span>
      </span>
      {label !== undefined && (
        <Button size="slim" kind="quiet" label={label} refusal={cure}>
          Take away
        </Button>
      )}
    </div>
  );
}
