'use client';

import { useEffect, useSyncExternalStore } from 'react';
import type { PlanRequest } from '../../../client/words/plan-words.ts';

let intended: PlanRequest | undefined;
const listeners = new Set<() => void>();

/** Makes Connections ask for this plan once it shows its flows. Kept in this tab's memory: a URL can never create a plan. */
export function intendPlan(request: PlanRequest): void {
  intended = request;
  listeners.forEach((listener) => listener());
}

/**
 * Takes an intended plan, once, as soon as the page shows the plan's `filter`: earlier, the URL change to this page would be overwritten by
 * the plan's own.
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
