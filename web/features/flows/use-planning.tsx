'use client';

import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/call.ts';
import { useGo } from '../../lib/link.tsx';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { planBody, type PlanRequest } from '../flushes/plan-words.ts';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { filterOfFlows } from './flow-words.ts';

/** Plans for what Connections shows. A single flow that the plan finds as exactly one runs at once; anything else opens the sheet. */
export function usePlanning(): { ask(request: PlanRequest): void; deleteOne(flow: FlowRow, gatewayName: string): void; isDeleting: boolean; sheet: ReactNode } {
  const go = useGo();
  const asking = usePlanRequest();
  const one = useMutation({
    async mutationFn({ flow, gatewayName }: { flow: FlowRow; gatewayName: string }) {
      const request = requestFor([flow]);
      const plan = await call(routes.createPlan, { body: planBody(request, `One flow ended from its panel: ${flow.proto} ${flow.orig.src} to ${flow.orig.dst}`, '') });
      if (plan.friction !== 'none' || plan.totals.flows !== 1) return { plan, request };
      const { flushId } = await call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } });
      return { flushId, gatewayName };
    },
    onSuccess(result) {
      if (!('flushId' in result)) return asking.show(result.plan, result.request);
      notifications.show({ title: `1 flow is being deleted on ${result.gatewayName}`, message: <button type="button" className="link" onClick={() => go(`/flushes/${result.flushId}`)}>See it verified</button>, autoClose: 8000 });
    },
    onError(error) { notifications.show({ color: 'red', title: 'The flow was not deleted', message: error.message, autoClose: 12_000 }); },
  });
  return { ask: asking.ask, deleteOne: (flow, gatewayName) => one.mutate({ flow, gatewayName }), isDeleting: one.isPending, sheet: <PlanSheet asking={asking} /> };
}

/** The request for exactly these rows: their ids and tuples on their own gateways. */
export function requestFor(flows: FlowRow[]): PlanRequest {
  return { what: { filter: filterOfFlows(flows) }, scope: { gateways: [...new Set(flows.map(({ gatewayId }) => gatewayId))] }, expected: flows.length };
}
