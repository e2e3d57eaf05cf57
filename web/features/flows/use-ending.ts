'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { FlowRow } from '../../../proto/http/flows.ts';
import type { Plan } from '../../../proto/http/plans.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import { mayCarryTraffic, planBody, type PlanRequest } from '../../../client/words/plan-words.ts';
import { filterOfFlows, rowKey } from '../../../client/words/flow-words.ts';

/**
 * The state of ending one flow. An idle one ends at the first press; one that carries traffic, or may, asks first.
 *
 *   (none) ── end ──▶ planning ── idle ──────────────────▶ running ──▶ ended
 *                        │  ╲── active ──▶ asking ── sure ──▶╱
 *                        ▼                   ╰── keep ──▶ (none)
 *                      failed
 */
export type Ending = { flow: FlowRow } & (
  | { kind: 'planning' | 'running' }
  | { kind: 'asking'; plan: Plan }
  | { kind: 'ended'; flushId: string }
  | { kind: 'failed'; error: Error }
);

/** Ends single flows where they are shown; `onOther` receives a plan that covers more than this flow or needs more than a press. */
export function useEnding(onOther: (plan: Plan, request: PlanRequest) => void) {
  const [endings, setEndings] = useState<ReadonlyMap<string, Ending>>(new Map());
  const set = (flow: FlowRow, ending: Ending | undefined) =>
    setEndings((before) => {
      const after = new Map(before);
      if (ending) after.set(rowKey(flow), ending);
      else after.delete(rowKey(flow));
      return after;
    });
  const run = useMutation({
    mutationFn: ({ plan }: { flow: FlowRow; plan: Plan }) =>
      call(routes.runPlan, { params: { id: plan.id }, body: { digest: plan.digest } }),
    onMutate: ({ flow }) => set(flow, { flow, kind: 'running' }),
    onSuccess: ({ flushId }, { flow }) => set(flow, { flow, kind: 'ended', flushId }),
    onError: (error, { flow }) => set(flow, { flow, kind: 'failed', error }),
  });
  const freeze = useMutation({
    mutationFn: (flow: FlowRow) =>
      call(routes.createPlan, {
        body: planBody(requestFor([flow]), `One flow ended from its panel: ${flow.proto} ${flow.orig.src} to ${flow.orig.dst}`, ''),
      }),
    onMutate: (flow) => set(flow, { flow, kind: 'planning' }),
    onSuccess(plan, flow) {
      if (plan.friction !== 'none' || plan.totals.flows !== 1) {
        set(flow, undefined);
        onOther(plan, requestFor([flow]));
      } else if (mayCarryTraffic(plan.impact)) set(flow, { flow, kind: 'asking', plan });
      else run.mutate({ flow, plan });
    },
    onError: (error, flow) => set(flow, { flow, kind: 'failed', error }),
  });
  return {
    of: (key: string | null) => (key === null ? undefined : endings.get(key)),
    isEnded: (key: string) => endings.get(key)?.kind === 'ended',
    end(flow: FlowRow): void {
      const now = endings.get(rowKey(flow));
      if (!now || now.kind === 'failed') freeze.mutate(flow);
    },
    /** Ends the flow that was asked about; the question is confirmed by a button or Ctrl-Enter. */
    sure(ending: Ending): void {
      if (ending.kind === 'asking') run.mutate(ending);
    },
    keep: (ending: Ending) => set(ending.flow, undefined),
  };
}

/** The request for exactly these rows: their ids and tuples on their own gateways. */
export function requestFor(flows: FlowRow[]): PlanRequest {
  return {
    what: { filter: filterOfFlows(flows) },
    scope: { gateways: [...new Set(flows.map(({ gatewayId }) => gatewayId))] },
    expected: flows.length,
    isSelection: true,
  };
}
