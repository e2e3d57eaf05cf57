'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import type { Grant } from '../../../proto/model/access.ts';
import { call } from '../../lib/controller/client.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import type { Person } from './people.tsx';
import { RolePicker, useTenantName } from './role-picker.tsx';

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
  const [added, setAdded] = useState<Grant>({ role: 'viewer', tenantId: null });
  const save = useMutation({
    mutationFn: (next: Grant[]) => call(routes.updatePerson, { params: { id }, body: { grants: next } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['people'] }),
  });
  const isThere = grants.some(({ role, tenantId }) => role === added.role && tenantId === added.tenantId);
  return (
    <div className="people-roles">
      {grants.length + directoryGrants.length + groupGrants.length === 0 && <span className="dim">none</span>}
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
              refusal={refusal}
              onClick={() => save.mutate(grants.filter((one) => one !== grant))}
            >
              Take away
            </Button>
          )}
        </div>
      ))}
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
      {isOpen && (
        <div className="row">
          <RolePicker value={added} onChange={setAdded} />
          <Button
            size="slim"
            refusal={refusal ?? (isThere ? `${name} has this role.` : undefined)}
            onClick={() => save.mutate([...grants, added])}
          >
            Give
          </Button>
        </div>
      )}
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
