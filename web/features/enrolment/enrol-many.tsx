'use client';

import './enrolment.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { MAX_GATEWAYS } from '../../../proto/http/rollouts.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useTenantInScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { RolloutProgress } from './rollout-progress.tsx';
import { missingOf, sourcesOf } from './rollout-form.ts';
import { Rollouts } from './rollouts.tsx';
import { ownTimeZone } from './use-places.ts';

/** The site that each agent names. */
const OWN = 'own';
const LIFETIMES = [
  [60, '1 hour'],
  [1440, '1 day'],
  [7 * 1440, '7 days'],
  [30 * 1440, '30 days'],
] as const;

/** One token for many gateways: how many, where and how they are named; then a list that fills. */
export function EnrolMany() {
  const client = useQueryClient();
  const refusal = useRefusal('enrolment.write');
  const { data: tenants = [] } = useQuery(queries.tenants());
  const { data: sites = [] } = useQuery(queries.sites());
  const inScope = useTenantInScope();
  const [tenant, setTenant] = useState<string>();
  const [site, setSite] = useState<string>();
  const [makesSites, setMakesSites] = useState(false);
  const [gateways, setGateways] = useState('200');
  const [pattern, setPattern] = useState('{hostname}');
  const [from, setFrom] = useState('');
  const [ttlMinutes, setTtlMinutes] = useState<number>(1440);
  const [needsApproval, setNeedsApproval] = useState(false);
  const [openId, setOpenId] = useState<string>();
  const tenantId = tenant ?? inScope?.id ?? tenants[0]?.id;
  const sitesThere = sites.filter((one) => one.tenantId === tenantId);
  const siteId = site !== OWN && sitesThere.some(({ id }) => id === site) ? site : undefined;
  const make = useMutation({
    mutationFn: () =>
      call(routes.createRollout, {
        body: {
          tenantId: tenantId!,
          siteId,
          makesSites: siteId === undefined && makesSites,
          timeZone: ownTimeZone(),
          namePattern: pattern,
          maxGateways: Number(gateways),
          sources: sourcesOf(from),
          needsApproval,
          ttlMinutes,
        },
      }),
    onSuccess({ id }) {
      setOpenId(id);
      void client.invalidateQueries({ queryKey: ['rollouts'] });
    },
  });
  const missing = tenantId === undefined ? 'Add a tenant first.' : missingOf({ gateways, pattern, from, hasSite: siteId !== undefined });
  return (
    <section className="setting" aria-label="Enrol many gateways">
      <h2>
        Enrol many gateways<small>one token, and a list that fills</small>
      </h2>
      <div className="stack wide">
        <form
          className="row setting-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (!refusal && !missing && !make.isPending) make.mutate();
          }}
        >
          <label className="input">
            Tenant
            <select value={tenantId ?? ''} onChange={(event) => setTenant(event.currentTarget.value)}>
              {tenants.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </select>
          </label>
          <label className="input">
            Site
            <select value={siteId ?? OWN} onChange={(event) => setSite(event.currentTarget.value)}>
              <option value={OWN}>each names its own (CTFLEET_SITE)</option>
              {sitesThere.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </select>
          </label>
          <label className="input">
            Gateways
            <input type="number" min={1} max={MAX_GATEWAYS} value={gateways} onChange={(event) => setGateways(event.currentTarget.value)} />
          </label>
          <label className="input">
            Names
            <input value={pattern} maxLength={100} onChange={(event) => setPattern(event.currentTarget.value)} />
          </label>
          <label className="input">
            Only from
            <input value={from} placeholder="any address" onChange={(event) => setFrom(event.currentTarget.value)} />
          </label>
          <label className="input">
            Good for
            <select value={ttlMinutes} onChange={(event) => setTtlMinutes(Number(event.currentTarget.value))}>
              {LIFETIMES.map(([minutes, text]) => (
                <option key={minutes} value={minutes}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          {siteId === undefined && (
            <label className="row">
              <input type="checkbox" checked={makesSites} onChange={(event) => setMakesSites(event.currentTarget.checked)} />
              add sites that do not exist
            </label>
          )}
          <label className="row">
            <input type="checkbox" checked={needsApproval} onChange={(event) => setNeedsApproval(event.currentTarget.checked)} />
            approve each by its fingerprint
          </label>
          <Button type="submit" kind="primary" refusal={refusal ?? missing ?? (make.isPending ? 'It is being made.' : undefined)}>
            Make the command for all
          </Button>
        </form>
        <p className="dim small">
          Names are text with {'{hostname}'}, {'{site}'} and {'{n}'}, the lowest number whose name is free.
        </p>
        {make.error && <Failure what="No token was made" error={make.error} />}
        {make.data && (
          <div className="note stack">
            <p>
              Run this on each gateway as root{make.data.siteId === undefined && ', with SITE set to the name of its site'}. The command is
              shown only here.
            </p>
            <CopyBlock text={make.data.command} label="roll-out command" />
          </div>
        )}
        {openId !== undefined && <RolloutProgress key={openId} id={openId} onClose={() => setOpenId(undefined)} />}
        <Rollouts openId={openId} onOpen={setOpenId} />
      </div>
    </section>
  );
}
