'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import type { Policy } from '../../../proto/http/saved-policies.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { State } from '../../ui/state.tsx';

/** Which pipeline applies the policy, by which revision of its file, and the way to take it over, after a second press. */
export function ManagedNote({ policy: { id, revision, tenantId, managedBy }, onTaken }: { policy: Policy; onTaken(): Promise<void> }) {
  const client = useQueryClient();
  const refusal = useRefusal('policies.write', tenantId ? [tenantId] : 'all');
  const [isSure, setSure] = useState(false);
  const take = useMutation({
    mutationFn: () => call(routes.updatePolicy, { params: { id }, body: { revision, managedBy: null } }),
    onSuccess: async (changed) => {
      client.setQueryData(queries.policy(id).queryKey, changed);
      void client.invalidateQueries({ queryKey: ['policies'] });
      void client.invalidateQueries({ queryKey: ['policy-revisions', id] });
      await onTaken();
    },
  });
  return (
    <div className="note row">
      <State kind="protected">
        The pipeline {managedBy?.name} applies it from a file, now at its revision <span className="mono">{managedBy?.revision}</span>
      </State>
      <span className="dim2">Change that file, or take the policy over.</span>
      <Button
        kind={isSure ? 'danger-line' : 'plain'}
        size="slim"
        refusal={refusal}
        onClick={() => (isSure ? take.mutate() : setSure(true))}
      >
        {isSure ? 'Take it over until the pipeline runs again' : 'Take over'}
      </Button>
      {take.error && <span className="red">{take.error.message}</span>}
    </div>
  );
}
