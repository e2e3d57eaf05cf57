'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { ROLES, type Role } from '../../../proto/model/access.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';

/** Tokens that act for the person who created them, never with more rights. */
export function ApiTokens() {
  const client = useQueryClient();
  const clock = useClock();
  const now = useNow(60_000);
  const { data: me } = useQuery(queries.me());
  const { data: tenants = [] } = useQuery(queries.tenants());
  const { data: page, error } = useQuery(queries.tokens());
  const tokens = page?.items ?? [];
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [tenantId, setTenantId] = useState('');
  const [days, setDays] = useState('90');
  const changed = () => client.invalidateQueries({ queryKey: ['tokens'] });
  const make = useMutation({
    mutationFn: () => call(routes.createToken, { body: { name, role, tenantId: tenantId || null, expiresInDays: Number(days) } }),
    onSuccess() {
      setName('');
      void changed();
    },
  });
  const revoke = useMutation({ mutationFn: (id: string) => call(routes.revokeToken, { params: { id } }), onSuccess: changed });
  const mayAll = me?.grants.some((grant) => grant.tenantId === null) ?? false;
  return (
    <section className="setting">
      <h2>
        API tokens<small>for scripts, as you or less</small>
      </h2>
      <div className="stack wide">
        <form
          className="row setting-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() && !make.isPending) make.mutate();
          }}
        >
          <label className="input">
            Name
            <input value={name} maxLength={100} placeholder="nightly report" onChange={(event) => setName(event.currentTarget.value)} />
          </label>
          <label className="input">
            Role
            <select value={role} onChange={(event) => setRole(ROLES.find((one) => one === event.currentTarget.value) ?? 'viewer')}>
              {ROLES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <label className="input">
            Tenant
            <select value={tenantId} onChange={(event) => setTenantId(event.currentTarget.value)}>
              {mayAll && <option value="">all</option>}
              {tenants.map((tenant) => (
                <option key={tenant.id} value={tenant.id}>
                  {tenant.name}
                </option>
              ))}
            </select>
          </label>
          <label className="input">
            Days
            <input
              style={{ width: 44 }}
              inputMode="numeric"
              value={days}
              onChange={(event) => setDays(event.currentTarget.value.replaceAll(/\D/g, ''))}
            />
          </label>
          <Button
            type="submit"
            kind="primary"
            refusal={
              name.trim() === ''
                ? 'Name the token first.'
                : Number(days) < 1 || Number(days) > 366
                  ? 'A token lives 1 to 366 days.'
                  : make.isPending
                    ? 'It is being made.'
                    : undefined
            }
          >
            Make a token
          </Button>
        </form>
        {make.error && <Failure what="No token was made" error={make.error} />}
        {make.data && (
          <div className="note stack">
            <p>Copy it now: it is shown only here.</p>
            <CopyBlock text={make.data.secret} label="token" />
          </div>
        )}
        {error && <Failure what="The tokens could not be read" error={error} />}
        <Unreadable entries={page?.unreadable} />
        {tokens.length > 0 && (
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>Role</th>
                <th>Tenant</th>
                <th>Last used</th>
                <th>Expires</th>
                <ActionHead />
              </tr>
            </thead>
            <tbody>
              {tokens.map((token) => (
                <tr key={token.id}>
                  <td>{token.name}</td>
                  <td>{token.role}</td>
                  <td>{token.tenantId === null ? 'all' : (tenants.find(({ id }) => id === token.tenantId)?.name ?? '–')}</td>
                  <td className="dim">{token.lastUsedAt ? clock.when(token.lastUsedAt, now) : 'never'}</td>
                  <td className="dim">{clock.full(token.expiresAt)}</td>
                  <td className="num">
                    {token.revokedAt ? (
                      <State kind="never" isSmall>
                        revoked
                      </State>
                    ) : (
                      <Button size="slim" onClick={() => revoke.mutate(token.id)}>
                        Revoke
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}
