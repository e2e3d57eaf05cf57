'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { isAllowed, type Action, type Grant } from '../../../proto/model/access.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { ActionPicker } from './action-picker.tsx';
import { RolePicker } from './role-picker.tsx';
import { ShownSecret } from './shown-secret.tsx';

const MAX_DAYS = 366;

/** One line: which program, what for, as what, and until when. */
export function AddServiceAccount({ refusal }: { refusal?: string }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [purpose, setPurpose] = useState('');
  const [grant, setGrant] = useState<Grant>({ role: 'viewer', tenantId: null });
  const [actions, setActions] = useState<Action[]>([]);
  const [days, setDays] = useState('365');
  const asked = actions.filter((action) => isAllowed(grant.role, action));
  const add = useMutation({
    mutationFn: () =>
      call(routes.createServiceAccount, {
        body: { name, purpose, ...grant, actions: asked.length > 0 ? asked : undefined, expiresInDays: Number(days) },
      }),
    onSuccess() {
      setName('');
      setPurpose('');
      void client.invalidateQueries({ queryKey: ['service-accounts'] });
    },
  });
  const waiting =
    name.trim() === '' || purpose.trim() === ''
      ? 'Say which program it is, and what it is for.'
      : Number(days) < 1 || Number(days) > MAX_DAYS
        ? `A service account lives 1 to ${MAX_DAYS} days; it can be given more later.`
        : add.isPending
          ? 'It is being made.'
          : undefined;
  return (
    <section className="people-form stack" aria-label="Add a service account">
      <form
        className="row setting-form"
        onSubmit={(event) => {
          event.preventDefault();
          if ((refusal ?? waiting) === undefined) add.mutate();
        }}
      >
        <label className="input">
          Name
          <input value={name} maxLength={100} placeholder="prometheus" onChange={(event) => setName(event.currentTarget.value)} />
        </label>
        <label className="input">
          Purpose
          <input
            value={purpose}
            maxLength={500}
            placeholder="scrapes /metrics"
            onChange={(event) => setPurpose(event.currentTarget.value)}
          />
        </label>
        <RolePicker value={grant} onChange={setGrant} />
        <label className="input">
          Days
          <input
            style={{ width: 44 }}
            inputMode="numeric"
            value={days}
            onChange={(event) => setDays(event.currentTarget.value.replaceAll(/\D/g, ''))}
          />
        </label>
        <Button type="submit" kind="primary" icon={IconPlus} refusal={refusal ?? waiting}>
          Add
        </Button>
      </form>
      <ActionPicker role={grant.role} value={asked} onChange={setActions} />
      {add.error && <Failure what="No service account was added" error={add.error} />}
      {add.data && <ShownSecret name={add.data.name} secret={add.data.secret} />}
    </section>
  );
}
