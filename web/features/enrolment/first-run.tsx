'use client';

import './enrolment.css';
import { useQuery, type UseMutationResult } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { counted } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { Joining, useJoined } from './joining.tsx';
import { ownTimeZone, usePlaces } from './use-places.ts';

/**
 * From an empty database to the first flows, step by step, each awaited: signing in, the tenant, the site, the first gateway, its first
 * flows. Steps whose result exists are done; a reload continues from there.
 */
export function FirstRun() {
  const { data: me } = useQuery(queries.me());
  const { data: tenants, error: tenantsError } = useQuery(queries.tenants());
  const { data: sites, error: sitesError } = useQuery(queries.sites());
  const { data: gateways, error: gatewaysError } = useQuery({ ...queries.gateways({ limit: 1 }), refetchInterval: 3000 });
  const { tenant: makeTenant, site: makeSite, token: makeToken } = usePlaces();
  const [timeZone, setTimeZone] = useState(ownTimeZone);
  const tenantRefusal = useRefusal('tenants.write', 'all');
  const tenant = tenants?.find(({ id }) => id === makeTenant.data?.id) ?? tenants?.[0];
  const siteRefusal = useRefusal('sites.write', tenant ? [tenant.id] : []);
  const tokenRefusal = useRefusal('enrolment.write', tenant ? [tenant.id] : []);
  const site = sites?.find(({ id }) => id === makeSite.data?.id) ?? sites?.find(({ tenantId }) => tenantId === tenant?.id);
  const joined = useJoined(makeToken.data?.id).gateway;
  const gateway = joined ?? gateways?.items[0];
  const error = tenantsError ?? sitesError ?? gatewaysError;
  if (error && !(tenants && sites && gateways))
    return (
      <>
        <div className="head">
          <h1>First run</h1>
        </div>
        <div className="empty">
          <Failure what="What exists already could not be read" error={error} />
        </div>
      </>
    );
  if (!me || !tenants || !sites || !gateways)
    return (
      <div className="empty">
        <h1 className="sr">First run</h1>
        <Skeleton lines={8} />
      </div>
    );
  return (
    <>
      <div className="head">
        <h1>{gateway?.usage ? `${gateway.name} is watched` : 'From here to the first flows'}</h1>
      </div>
      <ol className="first-run">
        <Step name="Administrator" done={me.name}>
          You are signed in{me.email && ` as ${me.email}`}, and may do all of this.
        </Step>
        <Step name="Tenant" done={tenant?.name}>
          <NameForm
            label="Name of the tenant"
            hint="The customer whose gateways they are"
            button="Add the tenant"
            refusal={tenantRefusal}
            making={makeTenant}
            onName={(name) => makeTenant.mutate(name)}
          />
        </Step>
        <Step name="Site" done={site?.name} waitsFor={tenant ? undefined : 'the tenant'}>
          <NameForm
            label="Name of the site"
            hint={`Where the machine stands, of ${tenant?.name}`}
            button="Add the site"
            refusal={siteRefusal}
            making={makeSite}
            onName={(name) => makeSite.mutate({ tenantId: tenant!.id, name, timeZone })}
          >
            <label className="input">
              Time zone
              <select value={timeZone} onChange={(event) => setTimeZone(event.currentTarget.value)}>
                {zones().map((zone) => (
                  <option key={zone}>{zone}</option>
                ))}
              </select>
            </label>
          </NameForm>
        </Step>
        <Step name="Gateway" done={gateway?.state === 'online' ? gateway.name : undefined} waitsFor={site ? undefined : 'the site'}>
          {!makeToken.data && (
            <NameForm
              label="Name of the gateway"
              hint="One Linux machine with a connection table"
              button="Make its command"
              refusal={tokenRefusal}
              making={makeToken}
              onName={(gatewayName) => makeToken.mutate({ siteId: site!.id, gatewayName })}
            />
          )}
          {makeToken.data && <Joining token={makeToken.data} />}
        </Step>
        <FirstFlows gatewayId={gateway?.state === 'online' ? gateway.id : undefined} name={gateway?.name} />
      </ol>
    </>
  );
}

function FirstFlows({ gatewayId, name }: { gatewayId: string | undefined; name: string | undefined }) {
  const { data, error } = useQuery({
    ...queries.flowSummary('', { gateways: [gatewayId ?? ''] }),
    enabled: gatewayId !== undefined,
    refetchInterval: 3000,
  });
  const flows = data?.total ?? 0;
  return (
    <>
      <Step name="First flows" done={flows > 0 ? counted(flows, 'flow') : undefined} waitsFor={gatewayId ? undefined : 'the gateway'}>
        {error && !data ? (
          <Failure what="Its table could not be read" error={error} />
        ) : (
          <State kind="waiting">{name}’s table is read every few seconds, and holds no flow yet. Open a connection through it.</State>
        )}
      </Step>
      {flows > 0 && (
        <li className="last">
          <Link className="btn primary" href={connectionsPath('', gatewayId)}>
            See its {counted(flows, 'flow')}
          </Link>{' '}
          <Link className="btn" href="/">
            Open the overview
          </Link>
        </li>
      )}
    </>
  );
}

/** One step: done with its result, in progress, or waiting for another. */
function Step({ name, done, waitsFor, children }: { name: string; done?: string; waitsFor?: string; children: ReactNode }) {
  return (
    <li aria-current={done === undefined && waitsFor === undefined ? 'step' : undefined}>
      <h2>
        <State kind={done !== undefined ? 'ok' : waitsFor ? 'never' : 'running'}>{name}</State>
      </h2>
      <div className="stack">
        {done !== undefined ? <b>{done}</b> : waitsFor ? <span className="dim">waits for {waitsFor}</span> : children}
      </div>
    </li>
  );
}

interface NameFormProps {
  label: string;
  hint: string;
  button: string;
  refusal: string | undefined;
  making: Pick<UseMutationResult, 'isPending' | 'error'>;
  onName(name: string): void;
  children?: ReactNode;
}

/** Asks for the one name that a step needs. The field has the focus. */
function NameForm({ label, hint, button, refusal, making, onName, children }: NameFormProps) {
  const [name, setName] = useState('');
  const blocked = refusal ?? (name.trim() === '' ? 'Write its name first.' : making.isPending ? 'It is being made.' : undefined);
  return (
    <>
      <form
        className="row setting-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!blocked) onName(name);
        }}
      >
        <label className="input">
          {label}
          <input value={name} maxLength={100} ref={focus} onChange={(event) => setName(event.currentTarget.value)} />
        </label>
        {children}
        <Button type="submit" kind="primary" refusal={blocked}>
          {button}
        </Button>
      </form>
      <p className="dim small">{refusal ?? hint}</p>
      {making.error && <Failure what="It was not made" error={making.error} />}
    </>
  );
}

function focus(input: HTMLInputElement | null): void {
  input?.focus();
}

function zones(): string[] {
  return [...new Set([ownTimeZone(), 'UTC', ...Intl.supportedValuesOf('timeZone')])];
}
