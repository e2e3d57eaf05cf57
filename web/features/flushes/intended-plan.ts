'use client';

import { useEffect, useSyncExternalStore } from 'react';
import type { PlanRequest } from '../../../client/words/plan-words.ts';

let intended: PlanRequest | undefined;
const listeners = new Set<() => void>();

/**
 * Says that Connections is to ask for this plan once it shows its flows. It lives in this tab's memory: an address can never make a plan.
 */
export function intendPlan(request: PlanRequest): void {
  intended = request;
  listeners.forEach((listener) => listener());
}

/**
 * Takes an intended plan, once, as soon as the page shows `filter`, which the plan is about: earlier, the address on its way here would be
 * lost to the plan's own.
 */
export function useIntendedPlan(filter: string, ask: (request: PlanRequest) => void): void {
  const waiting = useSyncExternalStore(
    subscribe,
    () => intended,
    () => undefined,
  );
  useEffect(() => {
    if (!waiting || waiting !== intended || !('filter' in waiting.what) || waiting.what.filter !== filter) return;
    intended = undefined;
    ask(waiting);
  }, [waiting, filter, ask]);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
