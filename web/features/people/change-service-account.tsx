'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { isAllowed, type Action } from '../../../proto/model/access.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { ActionPicker } from './action-picker.tsx';
import { RoleSelect } from './role-picker.tsx';
import type { ServiceAccount } from './service-accounts.tsx';

/** What an account is called, what it is for, and what it may do; its tenant stays. Effective with its next call. */
export function ChangeServiceAccount({ account, refusal }: { account: ServiceAccount; refusal?: string }) {
  const client = useQueryClient();
  const [name, setName] = useState(account.name);
  const [purpose, setPurpose] = useState(account.purpose);
  const [role, setRole] = useState(account.role);
  const [actions, setActions] = useState<Action[]>(account.actions ?? []);
  const asked = actions.filter((action) => isAllowed(role, action));
  const save = useMutation({
    mutationFn: () =>
      call(routes.updateServiceAccount, {
        params: { id: account.id },
        body: { name, purpose, role, actions: asked.length > 0 ? asked : null },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: ['service-accounts'] }),
  });
  const waiting = name.trim() === '' || purpose.trim() === '' ? 'Say which program it is, and what it is for.' : undefined;
  const isWidened = account.actions !== undefined && asked.length === 0;
  return (
    <>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if ((refusal ?? waiting) === undefined) save.mutate();
        }}
      >
        <div className="row">
          <label className="input">
            New name
            <input value={name} maxLength={100} onChange={(event) => setName(event.currentTarget.value)} />
          </label>
          <label className="input">
            New purpose
            <input value={purpose} maxLength={500} onChange={(event) => setPurpose(event.currentTarget.value)} />
          </label>
        </div>
        <div className="row">
          <RoleSelect value={role} onChange={setRole} />
          <Button type="submit" size="slim" refusal={refusal ?? waiting}>
            {isWidened ? `Save, with all that the role ${role} allows` : 'Save'}
          </Button>
        </div>
      </form>
      <ActionPicker role={role} value={asked} onChange={setActions} />
      {save.error && <Failure what={`${account.name} stays as before`} error={save.error} />}
    </>
  );
}
