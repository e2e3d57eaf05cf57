'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { z } from 'zod';
import type { provider } from '../../../proto/http/providers.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Grant } from '../../../proto/model/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { RolePicker, useTenantName } from './role-picker.tsx';

type Provider = z.output<typeof provider>;
const EMPTY = { name: '', issuer: '', clientId: '', clientSecret: '' };

/** The directories by which people sign in. Only somebody with a role over all tenants has a say. */
export function Providers({ refusal }: { refusal?: string }) {
  const { data: me } = useQuery(queries.me());
  const hasSay = me?.grants.some(({ role, tenantId }) => tenantId === null && (role === 'owner' || role === 'admin')) ?? false;
  const { data, error } = useQuery({ ...queries.providers(), enabled: hasSay });
  if (!hasSay) return null;
  return (
    <section className="people-form stack" aria-label="Sign-in with a directory">
      <h2>Sign-in with a directory</h2>
      <p className="dim2">
        People sign in with their company’s account (OpenID Connect) and have the roles of their groups there. Keep one owner with a
        password, for the day on which the directory does not answer.
      </p>
      {error && <Failure what="The directories could not be read" error={error} />}
      {data?.items.map((one) => (
        <OneProvider key={one.id} provider={one} refusal={refusal} />
      ))}
      {(data?.items.length ?? 0) > 0 && <h3>Another directory</h3>}
      <AddProvider refusal={refusal} />
    </section>
  );
}

function AddProvider({ refusal }: { refusal?: string }) {
  const client = useQueryClient();
  const [own, setOwn] = useState(EMPTY);
  const add = useMutation({
    mutationFn: () => call(routes.createProvider, { body: { ...own, clientSecret: own.clientSecret || undefined } }),
    onSuccess() {
      setOwn(EMPTY);
      void client.invalidateQueries({ queryKey: ['providers'] });
    },
  });
  const isComplete = own.name.trim() !== '' && own.issuer.trim() !== '' && own.clientId.trim() !== '';
  const waiting = isComplete ? (add.isPending ? 'It is being added.' : undefined) : 'Say its name, its issuer and the client id.';
  const field = (key: keyof typeof EMPTY, label: string, type = 'text') => (
    <label className="input">
      {label}
      <input
        type={type}
        autoComplete="off"
        value={own[key]}
        maxLength={500}
        onChange={(event) => setOwn({ ...own, [key]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <>
      <form
        className="row setting-form"
        onSubmit={(event) => {
          event.preventDefault();
          if ((refusal ?? waiting) === undefined) add.mutate();
        }}
      >
        {field('name', 'Directory')}
        {field('issuer', 'Issuer', 'url')}
        {field('clientId', 'Client id')}
        {field('clientSecret', 'Client secret', 'password')}
        <Button type="submit" icon={IconPlus} refusal={refusal ?? waiting}>
          Add
        </Button>
      </form>
      {add.error && <Failure what="The directory was not added" error={add.error} />}
    </>
  );
}

function OneProvider({ provider: { id, name, issuer, callback, groups }, refusal }: { provider: Provider; refusal?: string }) {
  const client = useQueryClient();
  const tenantName = useTenantName();
  const [group, setGroup] = useState('');
  const [grant, setGrant] = useState<Grant>({ role: 'operator', tenantId: null });
  const [isSure, setIsSure] = useState(false);
  const onSuccess = () => void client.invalidateQueries({ queryKey: ['providers'] });
  const change = useMutation({
    mutationFn: (all: Provider['groups']) => call(routes.updateProvider, { params: { id }, body: { groups: all } }),
    onSuccess,
  });
  const test = useMutation({ mutationFn: () => call(routes.testProvider, { params: { id } }) });
  const remove = useMutation({ mutationFn: () => call(routes.removeProvider, { params: { id } }), onSuccess });
  const error = change.error ?? test.error ?? remove.error;
  return (
    <div className="stack">
      <div className="row">
        <b>{name}</b>
        <span className="mono dim2">{issuer}</span>
        <Button size="slim" refusal={test.isPending ? 'It is being asked.' : refusal} onClick={() => test.mutate()}>
          Test
        </Button>
        <Button
          size="slim"
          kind={isSure ? 'danger' : undefined}
          refusal={refusal}
          onClick={() => (isSure ? remove.mutate() : setIsSure(true))}
        >
          {isSure ? 'Remove, with the roles it gave' : 'Remove'}
        </Button>
      </div>
      <p className="dim small">
        Redirect URI to register there: <span className="mono">{callback}</span>
      </p>
      {test.data && (
        <p className={test.data.problem === undefined ? 'note' : 'note red'} role="status">
          {test.data.problem ?? 'It answers, and can be used.'}
        </p>
      )}
      <ul className="people-roles">
        {groups.map((one) => (
          <li key={`${one.group} ${one.role} ${one.tenantId}`} className="row">
            <span className="mono">{one.group}</span>
            <span className="dim">
              is {one.role} of {tenantName(one.tenantId)}
            </span>
            <Button
              size="slim"
              label={`Take away ${one.role} from ${one.group}`}
              refusal={refusal}
              onClick={() => change.mutate(groups.filter((other) => other !== one))}
            >
              Take away
            </Button>
          </li>
        ))}
      </ul>
      <form
        className="row setting-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (refusal !== undefined || group.trim() === '') return;
          change.mutate([...groups, { group: group.trim(), ...grant }]);
          setGroup('');
        }}
      >
        <label className="input">
          Group
          <input value={group} maxLength={200} onChange={(event) => setGroup(event.currentTarget.value)} />
        </label>
        <RolePicker value={grant} onChange={setGrant} />
        <Button type="submit" refusal={refusal ?? (group.trim() === '' ? 'Say which group.' : undefined)}>
          Give the role
        </Button>
      </form>
      {error && <Failure what="It was not changed" error={error} />}
    </div>
  );
}
