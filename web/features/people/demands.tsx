'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';

/** Tenants whose people must sign in with a second factor. */
export function Demands({ refusal }: { refusal?: string }) {
  const client = useQueryClient();
  const { data: tenants = [] } = useQuery(queries.tenants());
  const [tenantId, setTenantId] = useState('');
  const change = useMutation({
    mutationFn: ({ id, demandsSecondFactor }: { id: string; demandsSecondFactor: boolean }) =>
      call(routes.updateTenant, { params: { id }, body: { demandsSecondFactor } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['tenants'] }),
  });
  const demanding = tenants.filter((tenant) => tenant.demandsSecondFactor);
  const others = tenants.filter((tenant) => !tenant.demandsSecondFactor);
  const chosen = others.find(({ id }) => id === tenantId)?.id;
  return (
    <section className="people-form stack" aria-label="Second factor demanded">
      <div className="row">
        <span>Second factor demanded by {demanding.length === 0 && 'no tenant'}</span>
        {demanding.map(({ id, name }) => (
          <span key={id} className="row">
            <b>{name}</b>
            <Button
              size="slim"
              kind="quiet"
              label={`No longer demand it for ${name}`}
              refusal={refusal}
              onClick={() => change.mutate({ id, demandsSecondFactor: false })}
            >
              End
            </Button>
          </span>
        ))}
        <label className="input">
          Tenant
          <select value={chosen ?? ''} onChange={(event) => setTenantId(event.currentTarget.value)}>
            <option value="">choose</option>
            {others.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Button
          size="slim"
          refusal={refusal ?? (chosen === undefined ? 'Choose a tenant first.' : undefined)}
          onClick={() => chosen !== undefined && change.mutate({ id: chosen, demandsSecondFactor: true })}
        >
          Demand it
        </Button>
      </div>
      {change.error && <Failure what="The demand stays as before" error={change.error} />}
    </section>
  );
}
