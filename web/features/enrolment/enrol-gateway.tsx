'use client';

import './enrolment.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useTenantInScope } from '../../lib/scope.ts';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { Joining } from './joining.tsx';
import { ownTimeZone, usePlaces } from './use-places.ts';

const NEW = 'new';

/** Enrols a gateway: choose tenant and site, name it, copy one command; the steps are ticked as they happen. */
export function EnrolGateway() {
  const refusal = useRefusal('enrolment.write');
  const tenantRefusal = useRefusal('tenants.write', 'all');
  const { data: tenants = [], error: tenantsError } = useQuery(queries.tenants());
  const { data: sites = [], error: sitesError } = useQuery(queries.sites());
  const inScope = useTenantInScope();
  const { tenant: makeTenant, site: makeSite, token: makeToken } = usePlaces();
  const [tenant, setTenant] = useState<string>();
  const [site, setSite] = useState<string>();
  const [tenantName, setTenantName] = useState('');
  const [siteName, setSiteName] = useState('');
  const [name, setName] = useState('');
  const chosenTenant = tenant ?? inScope?.id ?? tenants[0]?.id ?? NEW;
  const sitesThere = sites.filter(({ tenantId }) => tenantId === chosenTenant);
  const chosenSite = sitesThere.some(({ id }) => id === site) || site === NEW ? site! : (sitesThere[0]?.id ?? NEW);
  const make = useMutation({
    // What was created before a failure is selected from then on, so that a retry does not create it twice.
    async mutationFn() {
      const tenantId = chosenTenant === NEW ? (await makeTenant.mutateAsync(tenantName)).id : chosenTenant;
      setTenant(tenantId);
      const siteId =
        chosenSite === NEW ? (await makeSite.mutateAsync({ tenantId, name: siteName, timeZone: ownTimeZone() })).id : chosenSite;
      setSite(siteId);
      return makeToken.mutateAsync({ siteId, gatewayName: name });
    },
    onSuccess() {
      setTenantName('');
      setSiteName('');
      setName('');
    },
  });
  const missing =
    chosenTenant === NEW && tenantRefusal !== undefined
      ? tenantRefusal
      : chosenTenant === NEW && tenantName.trim() === ''
        ? 'Name the new tenant first.'
        : chosenSite === NEW && siteName.trim() === ''
          ? 'Name the new site first.'
          : name.trim() === ''
            ? 'Name the gateway first.'
            : undefined;
  const error = tenantsError ?? sitesError;
  return (
    <section className="setting">
      <h2>
        Enrol a gateway<small>one command on the machine</small>
      </h2>
      <div className="stack wide">
        {error && <Failure what="Tenants and sites could not be read" error={error} />}
        <form
          className="row setting-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (!refusal && !missing && !make.isPending) make.mutate();
          }}
        >
          <label className="input">
            Tenant
            <select
              value={chosenTenant}
              onChange={(event) => {
                setTenant(event.currentTarget.value);
                setSite(undefined);
              }}
            >
              {tenants.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
              <option value={NEW}>a new tenant…</option>
            </select>
          </label>
          {chosenTenant === NEW && (
            <label className="input">
              Tenant name
              <input value={tenantName} maxLength={100} onChange={(event) => setTenantName(event.currentTarget.value)} />
            </label>
          )}
          <label className="input">
            Site
            <select value={chosenSite} onChange={(event) => setSite(event.currentTarget.value)}>
              {sitesThere.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
              <option value={NEW}>a new site…</option>
            </select>
          </label>
          {chosenSite === NEW && (
            <label className="input">
              Site name
              <input value={siteName} maxLength={100} onChange={(event) => setSiteName(event.currentTarget.value)} />
            </label>
          )}
          <label className="input">
            Gateway name
            <input value={name} maxLength={100} placeholder="lyon-gw1" onChange={(event) => setName(event.currentTarget.value)} />
          </label>
          <Button type="submit" kind="primary" refusal={refusal ?? missing ?? (make.isPending ? 'It is being made.' : undefined)}>
            Make the command
          </Button>
        </form>
        {refusal && <p className="dim small">{refusal}</p>}
        {make.error && <Failure what="No token was made" error={make.error} />}
        {make.data && <Joining token={make.data} />}
        <JoinTokens />
      </div>
    </section>
  );
}

function JoinTokens() {
  const client = useQueryClient();
  const clock = useClock();
  const now = useNow(60_000);
  const readRefusal = useRefusal('enrolment.read');
  const { data: page, error } = useQuery({ ...queries.enrolmentTokens(), enabled: readRefusal === undefined });
  const tokens = page?.items ?? [];
  const revoke = useMutation({
    mutationFn: (id: string) => call(routes.revokeEnrolmentToken, { params: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['enrolment-tokens'] }),
  });
  if (error && !page) return <Failure what="The join tokens could not be read" error={error} />;
  if (tokens.length === 0) return <Unreadable entries={page?.unreadable} />;
  const kinds = { live: 'running', used: 'ok', expired: 'waiting', revoked: 'never' } as const;
  return (
    <>
      <Unreadable entries={page?.unreadable} />
      <table>
        <thead>
          <tr>
            <th>Gateway</th>
            <th>Token</th>
            <th>Made</th>
            <th>Expires</th>
            <th>By</th>
            <ActionHead />
          </tr>
        </thead>
        <tbody>
          {tokens.slice(0, 12).map(({ id, gatewayName, state, createdAt, expiresAt, createdBy }) => (
            <tr key={id}>
              <td>{gatewayName}</td>
              <td>
                <State kind={kinds[state]} isSmall>
                  {state}
                </State>
              </td>
              <td className="dim">{clock.when(createdAt, now)}</td>
              <td className="dim">{clock.when(expiresAt, now)}</td>
              <td className="dim">{createdBy}</td>
              <td className="num">
                {state === 'live' && (
                  <Button size="slim" onClick={() => revoke.mutate(id)}>
                    Take back
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
