'use client';

import './rollouts.css';
import '../flushes/flushes.css';
import { useSessionStorage } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useHotkeys } from 'react-hotkeys-hook';
import type { PolicyPlan } from '../../../proto/http/policy-plans.ts';
import { WITHIN_SECONDS } from '../../../proto/http/policy-rollouts.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Scope } from '../../../proto/http/scope.ts';
import { formatDuration, parseDuration } from '../../../proto/model/duration.ts';
import { isCount } from '../../../client/words/format.ts';
import { changedGateways, needsCount } from '../../../client/words/policy-effect-words.ts';
import { rollOutWords, withinWords } from '../../../client/words/policy-rollout-words.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { useDraft } from '../../ui/draft.ts';
import { State } from '../../ui/state.tsx';
import { ReasonFields } from '../flushes/reason-fields.tsx';

interface FormProps {
  /** Absent while it is not saved. */
  policyId: string | undefined;
  plan: PolicyPlan;
  /** That the plan was made with. */
  scope: Scope;
  /** Why this plan cannot be rolled out as it is. */
  refusal: string | undefined;
}

/** From the plan to its roll-out: reason, time to confirm, waves, and the button that names what happens. Ctrl-Enter in it presses that. */
export function RollOutForm({ policyId, plan, scope, refusal }: FormProps) {
  const go = useGo();
  const client = useQueryClient();
  const [remembered, remember] = useSessionStorage({
    key: 'ctfleet-reason',
    defaultValue: { reason: '', ticket: '' },
    getInitialValueInEffect: false,
  });
  const [reason, setReason] = useDraft(remembered.reason);
  const [ticket, setTicket] = useDraft(remembered.ticket);
  const [within, setWithin] = useState(formatDuration(WITHIN_SECONDS.usual));
  const [areWaves, setWaves] = useState(true);
  const [typed, setTyped] = useDraft('', plan.digest);
  const changed = changedGateways(plan);
  const tenantIds = [...new Set(changed.map(({ tenantId }) => tenantId))];
  const forbidden = useRefusal('policies.apply', tenantIds);
  const withinSeconds = secondsOf(within);
  const isTyped = needsCount(plan);
  const run = useMutation({
    mutationFn: (body: { id: string; withinSeconds: number }) =>
      call(routes.applyPolicy, {
        params: { id: body.id },
        body: {
          scope,
          digest: plan.digest,
          reason: reason.trim(),
          ...(ticket.trim() && { ticket: ticket.trim() }),
          withinSeconds: body.withinSeconds,
          waves: areWaves,
        },
      }),
    onSuccess({ rolloutId }) {
      remember({ reason: reason.trim(), ticket: ticket.trim() });
      void client.invalidateQueries({ queryKey: ['policy-rollouts'] });
      go(`/policy-rollouts/${rolloutId}`);
    },
  });
  const blocked =
    forbidden ??
    refusal ??
    (changed.length === 0
      ? 'Nothing would change, so there is nothing to roll out.'
      : withinSeconds === undefined
        ? `Give a time to confirm from ${formatDuration(WITHIN_SECONDS.from)} to ${formatDuration(WITHIN_SECONDS.to)}.`
        : reason.trim() === ''
          ? 'Give a reason first.'
          : isTyped && !isCount(typed, changed.length)
            ? `Type ${changed.length} first.`
            : run.isPending
              ? 'It is being started.'
              : undefined);
  const press = () => {
    if (blocked === undefined && policyId !== undefined && withinSeconds !== undefined) run.mutate({ id: policyId, withinSeconds });
  };
  const form = useHotkeys<HTMLDivElement>('mod+enter', press, { enableOnFormTags: true, preventDefault: true }, [press]);
  return (
    <div ref={form} className="roll-out" role="group" aria-label="Roll out" data-colour={useColour(tenantIds)}>
      <ReasonFields reason={reason} ticket={ticket} onReason={setReason} onTicket={setTicket} onEnter={() => {}} />
      <div className="row">
        <label className={`input within ${withinSeconds === undefined ? 'has-problem' : ''}`}>
          Confirm within
          <input value={within} aria-invalid={withinSeconds === undefined} onChange={(event) => setWithin(event.currentTarget.value)} />
        </label>
        <span className="dim2 small grow">{withinWords(withinSeconds ?? WITHIN_SECONDS.usual)}</span>
      </div>
      <div className="row">
        <label className="row small grow">
          <input type="checkbox" checked={areWaves} onChange={(event) => setWaves(event.currentTarget.checked)} />
          {areWaves ? 'in waves; trouble holds the next one back' : 'all at once, but for partners of one another'}
        </label>
        <Owners names={[...new Set(changed.map(({ tenantName }) => tenantName))]} />
      </div>
      <div className="row presses">
        {isTyped && changed.length > 0 && (
          <label className="row">
            <span className="sr">Number of gateways, to confirm</span>
            <input
              className="big-number"
              inputMode="numeric"
              autoComplete="off"
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            <span className="dim2 nowrap">of {changed.length}</span>
          </label>
        )}
        <Button size="large" kind="danger" keys="Ctrl ↵" onClick={press} refusal={blocked}>
          {rollOutWords(changed.length)}
        </Button>
      </div>
      <p className={run.error ? 'red small why' : 'dim small why'} role={run.error ? 'alert' : undefined}>
        {run.error?.message ?? blocked}
      </p>
    </div>
  );
}

function Owners({ names }: { names: string[] }) {
  if (names.length > 1)
    return (
      <State kind="warn">
        <span title={names.join(', ')}>{names.length} tenants</span>
      </State>
    );
  return <b>{names[0] ?? 'No tenant'}</b>;
}

function useColour(tenantIds: string[]): number {
  const { data: tenants } = useQuery(queries.tenants());
  return tenantIds.length === 1 ? (tenants?.find(({ id }) => id === tenantIds[0])?.colour ?? 0) : 0;
}

/** Within what a gateway keeps a change for. */
function secondsOf(text: string): number | undefined {
  const seconds = parseDuration(text.trim());
  return seconds !== undefined && seconds >= WITHIN_SECONDS.from && seconds <= WITHIN_SECONDS.to ? seconds : undefined;
}
