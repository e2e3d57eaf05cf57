'use client';

import { useSessionStorage } from '@mantine/hooks';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { parseAsString, useQueryState } from 'nuqs';
import { useState } from 'react';
import type { Plan } from '../../../proto/http/plans.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { planBody, suggestedReason, type PlanRequest } from '../../../client/words/plan-words.ts';

/** The plan that the sheet shows: its id is in the URL, so that a reload or a colleague sees the same one. */
export function usePlanRequest() {
  const client = useQueryClient();
  const [request, setRequest] = useState<PlanRequest>();
  const [planId, setPlanId] = useQueryState('plan', parseAsString.withOptions({ history: 'push' }));
  const [remembered, remember] = useSessionStorage({
    key: 'ctfleet-reason',
    defaultValue: { reason: '', ticket: '' },
    getInitialValueInEffect: false,
  });
  const make = useMutation({
    mutationFn: (asked: { request: PlanRequest; reason: string; ticket: string }) =>
      call(routes.createPlan, { body: planBody(asked.request, asked.reason, asked.ticket) }),
    onSuccess(plan, { request: asked }) {
      if (plan.reason !== suggestedReason(asked)) remember({ reason: plan.reason, ticket: plan.ticket ?? '' });
      show(plan, asked);
    },
  });

  function show(plan: Plan, asked: PlanRequest): void {
    client.setQueryData(queries.plan(plan.id).queryKey, plan);
    setRequest(asked);
    void setPlanId(plan.id);
  }

  return {
    request,
    planId,
    remembered,
    show,
    isPlanning: make.isPending,
    error: make.error,
    /** Opens the sheet and computes a plan with the last reason used; a whole table waits for its own reason. */
    ask(asked: PlanRequest): void {
      make.reset();
      void setPlanId(null);
      setRequest(asked);
      if ('filter' in asked.what)
        make.mutate({ request: asked, reason: asked.reason ?? (remembered.reason || suggestedReason(asked)), ticket: remembered.ticket });
    },
    /** Computes a plan, or another one with a changed reason. */
    plan(asked: PlanRequest, reason: string, ticket: string): void {
      make.mutate({ request: asked, reason, ticket });
    },
    close(): void {
      make.reset();
      setRequest(undefined);
      void setPlanId(null);
    },
  };
}

export type PlanAsking = ReturnType<typeof usePlanRequest>;
