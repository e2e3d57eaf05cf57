'use client';

import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { parseAsString, useQueryState } from 'nuqs';
import { useRouter } from 'next/navigation';
import { useState, type ReactNode } from 'react';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/call.ts';
import * as queries from '../../lib/controller/queries.ts';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { planBody, type PlanRequest } from '../flushes/plan-words.ts';
import { filterOfFlows } from './flow-words.ts';

/** Plans for what Connections shows. A single flow that the plan finds as exactly one runs at once; anything else opens the sheet. */
export function usePlanning(): { ask(request: PlanRequest): void; deleteOne(flow: FlowRow, gatewayName: string): void; isDeleting: boolean; isOpen: boolean; sheet: ReactNode } {
  const client = useQueryClient();
  const router = useRouter();
  const [request, setRequest] = useState<PlanRequest>();
  const [planId, setPlanId] = useQueryState('plan', parseAsString.withOptions({ history: 'push' }));
  const one = useMutation({
    async mutationFn({ flow, gatewayName }: { flow: FlowRow; gatewayName: string }) {
      const asked = requestFor([flow]);
      const plan = await call(routes.createPlan, { body: planBody(asked, `One flow ended from its panel: ${flow.proto} ${flow.orig.src} to ${flow.orig.dst}`, '') });
      client.setQueryData(queries.plan(plan.id).queryKey, plan);
      if (plan.friction !== 'none' || plan.totals.flows !== 1) return { plan, asked };
      const { flushId } = await call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
      return { flushId, gatewayName };
    },
    onSuccess(result) {
      if ('flushId' in result) {
        notifications.show({ title: `1 flow is being deleted on ${result.gatewayName}`, message: <button type="button" className="link" onClick={() => router.push(`/flushes/${result.flushId}`)}>See it verified</button>, autoClose: 8000 });
        return;
      }
      setRequest(result.asked);
      void setPlanId(result.plan.id);
    },
    onError(error) { notifications.show({ color: 'red', title: 'The flow was not deleted', message: error.message, autoClose: 12_000 }); },
  });
  const close = () => { setRequest(undefined); void setPlanId(null); };
  return {
    ask(asked) { void setPlanId(null); setRequest(asked); },
    deleteOne: (flow, gatewayName) => one.mutate({ flow, gatewayName }),
    isDeleting: one.isPending,
    isOpen: request !== undefined || planId !== null,
    sheet: <PlanSheet request={request} planId={planId} onPlan={(id) => void setPlanId(id)} onClose={close} />,
  };
}

/** The request for exactly these rows: their ids and tuples on their own gateways. */
export function requestFor(flows: FlowRow[]): PlanRequest {
  return { what: { filter: filterOfFlows(flows) }, scope: { gateways: [...new Set(flows.map(({ gatewayId }) => gatewayId))] }, expected: flows.length };
}
