'use client';

import './flushes.css';
import { Drawer } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useHotkeys } from 'react-hotkeys-hook';
import type { Plan } from '../../../proto/http/plans.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useNow } from '../../lib/clock.tsx';
import { call } from '../../lib/controller/client.ts';
import { ControllerError } from '../../../client/problem.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { useDraft } from '../../ui/draft.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { lasting, minutesAndSeconds, shortHash } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { PlanApproval } from './plan-approval.tsx';
import { PlanFoot } from './plan-foot.tsx';
import { PlanImpact } from './plan-impact.tsx';
import { PlanSafety } from './plan-safety.tsx';
import { PlanTarget } from './plan-target.tsx';
import { again, awaitsApproval, deleteWords, differenceWords, obstacle, placeWords } from '../../../client/words/plan-words.ts';
import type { PlanAsking } from './use-plan-request.ts';
import { WholeTable } from './whole-table.tsx';

/**
 * The plan, in three bands: target, impact, safety. It is computed at once with the last reason used; what runs is always the plan shown,
 * so changing the reason requests another plan. Focus starts on the heading, where Enter does nothing; Ctrl-Enter confirms.
 */
export function PlanSheet({ asking }: { asking: PlanAsking }) {
  const { request, planId, remembered, isPlanning, close } = asking;
  const client = useQueryClient();
  const go = useGo();
  const heading = useRef<HTMLHeadingElement>(null);
  const now = useNow();
  const { data: plan, error: planError } = useQuery({
    ...queries.plan(planId ?? ''),
    enabled: planId !== null,
    refetchInterval: ({ state }) => (state.data && awaitsApproval(state.data) ? 3000 : false),
  });
  const isEverything = request !== undefined && 'all' in request.what;
  const [reason, setReason] = useDraft(plan?.reason ?? (isEverything ? '' : remembered.reason));
  const [ticket, setTicket] = useDraft(plan?.ticket ?? remembered.ticket);
  const [typed, setTyped] = useDraft('', plan?.id ?? '');
  const [areWaves, setWaves] = useState(true);
  useEffect(() => {
    if (plan?.id) heading.current?.focus();
  }, [plan?.id]);
  const run = useMutation({
    mutationFn: ({ id, digest }: Plan) => call(routes.runPlan, { params: { id }, body: { digest, waves: areWaves } }),
    onSuccess: ({ flushId }) => go(`/flushes/${flushId}`),
    onError() {
      if (planId) void client.invalidateQueries({ queryKey: ['plan', planId] });
    },
  });
  const blocked = plan && now !== undefined ? obstacle(plan, { nowMs: now, reason, ticket, typed }) : 'none';
  const planAgain = () => {
    const asked = request ?? (plan && again(plan));
    if (asked && reason.trim()) asking.plan(asked, reason, ticket);
  };
  const planBy = (method: Plan['method'], forSeconds: number | undefined) => {
    const asked = request ?? (plan && again(plan));
    if (asked && reason.trim()) asking.plan({ ...asked, method, forSeconds }, reason, ticket);
  };
  const planInstead = (filter: string) => {
    const asked = request ?? (plan && again(plan));
    if (asked && reason.trim())
      asking.plan(
        {
          ...asked,
          what: { filter },
          method: 'block',
          forSeconds: asked.method === 'block' ? asked.forSeconds : undefined,
          expected: undefined,
        },
        reason,
        ticket,
      );
  };
  const confirm = () => {
    if (plan && blocked === 'none' && !run.isPending) run.mutate(plan);
  };
  const sheet = useHotkeys<HTMLDivElement>('mod+enter', confirm, { enableOnFormTags: true, preventDefault: true }, [confirm]);
  const error = asking.error ?? planError;
  return (
    <Drawer.Root opened={request !== undefined || planId !== null} onClose={close} position="right" size="min(944px, 100vw)" returnFocus>
      <Drawer.Overlay />
      <Drawer.Content className="sheet" aria-label="Plan">
        <div className="sheet-all" ref={sheet}>
          <SheetHead
            plan={plan}
            title={plan ? <PlanTitle plan={plan} /> : isEverything ? 'Delete all connections' : 'Working out exactly which flows would go'}
            now={now}
            heading={heading}
            onClose={close}
          />
          <div className="sheet-body">
            {!plan && isEverything && request && (
              <WholeTable
                scope={request.scope}
                reason={reason}
                ticket={ticket}
                onReason={setReason}
                onTicket={setTicket}
                isWorking={isPlanning}
                onPlan={planAgain}
              />
            )}
            {!plan && !isEverything && isPlanning && (
              <div className="band">
                <h2>
                  Target<small>the gateways walk their tables</small>
                </h2>
                <Skeleton lines={6} />
              </div>
            )}
            {error && (
              <div className="band">
                <h2>Not planned</h2>
                <Failure
                  what="No plan was made and nothing was touched"
                  error={error}
                  onRetry={error instanceof ControllerError && error.canRetry ? planAgain : undefined}
                />
                <BlockInstead error={error} isPlanning={isPlanning} onPlan={planInstead} />
              </div>
            )}
            {plan && (
              <>
                <PlanTarget plan={plan} difference={differenceWords(request?.expected, plan)} isPlanning={isPlanning} onMethod={planBy} />
                <PlanApproval plan={plan} />
                <PlanImpact plan={plan} />
                <PlanSafety
                  plan={plan}
                  areWaves={areWaves}
                  onWaves={setWaves}
                  reason={reason}
                  ticket={ticket}
                  onReason={setReason}
                  onTicket={setTicket}
                  onEnter={planAgain}
                />
              </>
            )}
          </div>
          {plan && (
            <PlanFoot
              plan={plan}
              blocked={blocked}
              typed={typed}
              onTyped={setTyped}
              isRunning={run.isPending}
              isPlanning={isPlanning}
              error={run.error}
              onRun={confirm}
              onAgain={planAgain}
              onClose={close}
            />
          )}
        </div>
      </Drawer.Content>
    </Drawer.Root>
  );
}

/** The narrower block that a refusal names. */
function BlockInstead({ error, isPlanning, onPlan }: { error: Error; isPlanning: boolean; onPlan(filter: string): void }) {
  const suggestion = error instanceof ControllerError && error.code === 'FILTER_NOT_OF_PACKETS' ? error.problem.suggestion : undefined;
  return suggestion === undefined ? null : (
    <Button onClick={() => onPlan(suggestion)} refusal={isPlanning ? 'The gateways are being asked.' : undefined}>
      Block {suggestion} instead
    </Button>
  );
}

function PlanTitle({ plan }: { plan: Plan }) {
  const { data: sites } = useQuery(queries.sites());
  return (
    <>
      {deleteWords(plan)}
      {placeWords(plan, (id) => sites?.find((site) => site.id === id)?.name)}
    </>
  );
}

function SheetHead({
  plan,
  title,
  now,
  heading,
  onClose,
}: {
  plan: Plan | undefined;
  title: React.ReactNode;
  now: number | undefined;
  heading: React.RefObject<HTMLHeadingElement | null>;
  onClose(): void;
}) {
  const { data: tenants } = useQuery(queries.tenants());
  const owners = plan && tenants?.filter(({ id }) => plan.gateways.some((gateway) => gateway.tenantId === id));
  const colour = owners?.length === 1 ? owners[0]!.colour : 0;
  const left = plan && now !== undefined ? (Date.parse(plan.expiresAt) - now) / 1000 : undefined;
  return (
    <div className="sheet-head" data-colour={colour}>
      <div className="row">
        {owners && (
          <span className="owner">
            <b>{owners.map(({ name }) => name).join(', ')}</b>
          </span>
        )}
        <span className="grow" />
        {plan && (
          <>
            <span className="dim">
              Plan{' '}
              <span className="mono" title={plan.digest}>
                {shortHash(plan.digest)}
              </span>
            </span>
            {now !== undefined && <span className="dim">computed {lasting(Math.max(0, now - Date.parse(plan.createdAt)) / 1000)} ago</span>}
            {plan.state === 'ready' &&
              left !== undefined &&
              (left > 0 ? (
                <span className={`pill ${left < 60 ? 'amber' : ''}`} role="timer">
                  Expires in {minutesAndSeconds(left)}
                </span>
              ) : (
                <State kind="warn" isPill>
                  Expired
                </State>
              ))}
          </>
        )}
        <Button kind="quiet" icon={IconX} label="Close the plan" onClick={onClose} />
      </div>
      <h1 ref={heading} tabIndex={-1} data-autofocus>
        {title}
      </h1>
    </div>
  );
}
