'use client';

import { useQuery } from '@tanstack/react-query';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Plan } from '../../../proto/http/plans.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { count } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { numberToConfirm, refusesNewFlows } from '../../../client/words/block-words.ts';
import { deleteWords, type Obstacle } from '../../../client/words/plan-words.ts';

interface PlanFootProps {
  plan: Plan;
  blocked: Obstacle;
  typed: string;
  isRunning: boolean;
  isPlanning: boolean;
  error: Error | null;
  onTyped(text: string): void;
  onRun(): void;
  onAgain(): void;
  onClose(): void;
}

/** The tenant's stripe and name, and the one red button, whose label is the number. */
export function PlanFoot({ plan, blocked, typed, isRunning, isPlanning, error, onTyped, onRun, onAgain, onClose }: PlanFootProps) {
  const { data: tenants } = useQuery(queries.tenants());
  const owners = tenants?.filter(({ id }) => plan.gateways.some((gateway) => gateway.tenantId === id && gateway.state === 'ready')) ?? [];
  const refusal = useRefusal(
    'plans.run',
    owners.map(({ id }) => id),
  );
  return (
    <div className="sheet-foot" data-colour={owners.length === 1 ? owners[0]!.colour : 0}>
      <div className="grow">
        {owners.length > 1 ? (
          <State kind="warn">
            <span title={owners.map(({ name }) => name).join(', ')}>{owners.length} tenants</span>
          </State>
        ) : (
          <b>{owners[0]?.name ?? 'No tenant'}</b>
        )}
        <br />
        {error ? (
          <span className="red" role="alert">
            {error.message}
          </span>
        ) : (
          <span className="dim2">
            <FootSentence plan={plan} blocked={blocked} />
          </span>
        )}
      </div>
      {plan.friction === 'type-count' && (blocked === 'count-missing' || blocked === 'none') && (
        <label className="row">
          <span className="sr">Number of {numberToConfirm(plan).noun}, to confirm</span>
          <input
            className="big-number"
            inputMode="numeric"
            autoComplete="off"
            value={typed}
            onChange={(event) => onTyped(event.currentTarget.value)}
          />
          <span className="dim2 nowrap">
            of {numberToConfirm(plan).number}
            {plan.totals.flows === 0 && ' gateways'}
          </span>
        </label>
      )}
      <Button size="large" keys="Esc" onClick={onClose}>
        {blocked === 'run' ? 'Close' : 'Cancel'}
      </Button>
      {blocked === 'run' ? (
        plan.flushId && (
          <Link className="btn large primary" href={`/flushes/${plan.flushId}`}>
            Open the flush
          </Link>
        )
      ) : blocked === 'expired' || blocked === 'reason-changed' || blocked === 'empty' ? (
        <Button size="large" kind="primary" onClick={onAgain} refusal={isPlanning ? 'The gateways are being asked.' : undefined}>
          {isPlanning ? 'Planning…' : 'Plan again'}
        </Button>
      ) : (
        <Button
          size="large"
          kind="danger"
          keys="Ctrl ↵"
          onClick={onRun}
          refusal={
            refusal ??
            (blocked === 'count-missing'
              ? `Type ${numberToConfirm(plan).number} first.`
              : blocked === 'approval-missing'
                ? 'A second person has to agree first.'
                : isRunning
                  ? 'It is being started.'
                  : undefined)
          }
        >
          {deleteWords(plan)}
        </Button>
      )}
    </div>
  );
}

function FootSentence({ plan, blocked }: { plan: Plan; blocked: Obstacle }) {
  switch (blocked) {
    case 'expired':
      return <>The plan has expired and cannot run. Plan again to see what matches now.</>;
    case 'run':
      return <>This plan has run; a plan runs once.</>;
    case 'empty':
      return <>No flow matches now, so there is nothing to end.</>;
    case 'reason-changed':
      return <>The reason is part of the plan: plan again with this one.</>;
    case 'approval-missing':
      if (plan.needsSignature) return <>This needs a second person’s signature: send them the link.</>;
      return <>{plan.isEverything ? 'The whole table' : 'A plan of this size'} needs a second person: send them the link.</>;
    case 'count-missing':
      return (
        <>
          <IconAlertTriangle className="i s" stroke={1.5} aria-hidden />{' '}
          {plan.isEverything
            ? 'The whole table'
            : plan.totals.sites > 1
              ? `${plan.totals.sites} sites`
              : plan.totals.flows > 1000
                ? 'Over 1,000 flows'
                : 'A large part of a table'}
          : type the number
        </>
      );
    case 'none':
      return refusesNewFlows(plan) ? (
        <>Packets are refused from the moment it runs; it can be lifted early.</>
      ) : (
        <>
          Only {plan.totals.flows === 1 ? 'this one' : `these ${count(plan.totals.flows)}`} can{' '}
          {plan.method === 'delete' ? 'be deleted' : 'end'}, fewer if some are gone by then.
        </>
      );
  }
}
