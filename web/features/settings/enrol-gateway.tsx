'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/call.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { minutesAndSeconds } from '../../ui/format.ts';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';

const NEW = 'new';

/** A gateway joins: pick its site, name it, copy one command; the steps tick as they happen. */
export function EnrolGateway() {
  const client = useQueryClient();
  const refusal = useRefusal('enrolment.write');
  const { data: tenants = [] } = useQuery(queries.tenants());
  const { data: sites = [] } = useQuery(queries.sites());
  const [site, setSite] = useState('');
  const [tenant, setTenant] = useState('');
  const [siteName, setSiteName] = useState('');
  const [name, setName] = useState('');
  const chosenSite = site || (sites[0]?.id ?? NEW);
  const chosenTenant = tenant || (tenants[0]?.id ?? '');
  const make = useMutation({
    async mutationFn() {
      const siteId = chosenSite === NEW ? (await call(routes.createSite, { body: { tenantId: chosenTenant, name: siteName } })).id : chosenSite;
      return call(routes.createEnrolmentToken, { body: { siteId, gatewayName: name } });
    },
    onSuccess() { void client.invalidateQueries({ queryKey: ['enrolment-tokens'] }); void client.invalidateQueries({ queryKey: ['sites'] }); setName(''); },
  });
  const missing = name.trim() === '' ? 'Name the gateway first.' : chosenSite === NEW && (siteName.trim() === '' || chosenTenant === '') ? 'Name the new site first.' : undefined;
  return (
    <section className="setting"><h2>Enrol a gateway<small>one command on the machine</small></h2>
      <div className="stack wide">
        <form className="row setting-form" onSubmit={(event) => { event.preventDefault(); if (!refusal && !missing && !make.isPending) make.mutate(); }}>
          <label className="input">Site<select value={chosenSite} onChange={(event) => setSite(event.currentTarget.value)}>{sites.map((one) => <option key={one.id} value={one.id}>{tenants.find(({ id }) => id === one.tenantId)?.name} / {one.name}</option>)}<option value={NEW}>a new site…</option></select></label>
          {chosenSite === NEW && <><label className="input">Tenant<select value={chosenTenant} onChange={(event) => setTenant(event.currentTarget.value)}>{tenants.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select></label><label className="input">Site name<input value={siteName} maxLength={100} onChange={(event) => setSiteName(event.currentTarget.value)} /></label></>}
          <label className="input">Gateway name<input value={name} maxLength={100} placeholder="lyon-gw1" onChange={(event) => setName(event.currentTarget.value)} /></label>
          <Button type="submit" kind="primary" refusal={refusal ?? missing ?? (make.isPending ? 'It is being made.' : undefined)}>Make the command</Button>
        </form>
        {refusal && <p className="dim small">{refusal}</p>}
        {make.error && <Failure what="No token was made" error={make.error} />}
        {make.data && <Joining id={make.data.id} command={make.data.command} expiresAt={make.data.expiresAt} name={make.data.gatewayName} />}
        <JoinTokens />
      </div>
    </section>
  );
}

function Joining({ id, command, expiresAt, name }: { id: string; command: string; expiresAt: string; name: string }) {
  const now = useNow();
  const { data: tokens } = useQuery({ ...queries.enrolmentTokens(), refetchInterval: 3000 });
  const { data: gateways } = useQuery(queries.gateways());
  const token = tokens?.items.find((one) => one.id === id);
  const gateway = gateways?.find((one) => one.id === token?.gatewayId);
  const left = now === undefined ? undefined : (Date.parse(expiresAt) - now) / 1000;
  const isUsed = token?.state === 'used';
  const steps: [string, boolean][] = [['Token used', isUsed], ['Certificate signed', isUsed && token.gatewayId !== undefined], ['Link up', gateway?.state === 'online'], ['First sample', gateway?.usage !== undefined], ['Capabilities known', gateway?.capabilities !== undefined]];
  return (
    <div className="note stack" aria-live="polite">
      <p>Run this on <b>{name}</b> as root. The token works once{left !== undefined && !isUsed && (left > 0 ? <>, for another {minutesAndSeconds(left)}</> : <>; <span className="red">it has expired, make another</span></>)}. It is shown only here.</p>
      <CopyBlock text={command} label="enrolment command" />
      <ul className="row steps">{steps.map(([text, isDone]) => <li key={text}><State kind={isDone ? 'ok' : 'waiting'} isSmall>{text}</State></li>)}</ul>
      {gateway && <p><Link className="link" href={`/gateways/${gateway.id}`}>Open {gateway.name}</Link></p>}
    </div>
  );
}

function JoinTokens() {
  const client = useQueryClient();
  const clock = useClock();
  const now = useNow(60_000);
  const readRefusal = useRefusal('enrolment.read');
  const { data: page, error } = useQuery({ ...queries.enrolmentTokens(), enabled: readRefusal === undefined });
  const tokens = page?.items ?? [];
  const revoke = useMutation({ mutationFn: (id: string) => call(routes.revokeEnrolmentToken, { params: { id } }), onSuccess: () => client.invalidateQueries({ queryKey: ['enrolment-tokens'] }) });
  if (error && !page) return <Failure what="The join tokens could not be read" error={error} />;
  if (tokens.length === 0) return <Unreadable entries={page?.unreadable} />;
  const kinds = { live: 'running', used: 'ok', expired: 'waiting', revoked: 'never' } as const;
  return <>
    <Unreadable entries={page?.unreadable} />
    <table><thead><tr><th>Gateway</th><th>Token</th><th>Made</th><th>Expires</th><th>By</th><th><span className="sr">Action</span></th></tr></thead>
      <tbody>{tokens.slice(0, 12).map(({ id, gatewayName, state, createdAt, expiresAt, createdBy }) => <tr key={id}><td>{gatewayName}</td><td><State kind={kinds[state]} isSmall>{state}</State></td><td className="dim">{clock.when(createdAt, now)}</td><td className="dim">{clock.when(expiresAt, now)}</td><td className="dim">{createdBy}</td><td className="num">{state === 'live' && <Button size="slim" onClick={() => revoke.mutate(id)}>Take back</Button>}</td></tr>)}</tbody>
    </table>
  </>;
}
