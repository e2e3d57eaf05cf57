'use client';

import { useState } from 'react';
import type { Grant } from '../../../proto/model/access.ts';
import { Button } from '../../ui/button.tsx';
import { RolePicker, useTenantName } from './role-picker.tsx';

interface RoleRowsProps {
  /** The person or group. */
  name: string;
  grants: readonly Grant[];
  refusal?: string;
  onChange(grants: Grant[]): void;
}

/** Roles that somebody gave, each to be taken away again where that is open. */
export function RoleRows({ name, grants, isOpen, refusal, onChange }: RoleRowsProps & { isOpen: boolean }) {
  const nameOf = useTenantName();
  return grants.map((grant) => (
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
          onClick={() => onChange(grants.filter((one) => one !== grant))}
        >
          Take away
        </Button>
      )}
    </div>
  ));
}

/** One more role. */
export function GiveRole({ name, grants, refusal, onChange }: RoleRowsProps) {
  const [added, setAdded] = useState<Grant>({ role: 'viewer', tenantId: null });
  const isThere = grants.some(({ role, tenantId }) => role === added.role && tenantId === added.tenantId);
  return (
    <div className="row">
      <RolePicker value={added} onChange={setAdded} />
      <Button
        size="slim"
        refusal={refusal ?? (isThere ? `${name} has this role.` : undefined)}
        onClick={() => onChange([...grants, added])}
      >
        Give
      </Button>
    </div>
  );
}
