'use client';

import { useEffect, useSyncExternalStore } from 'react';
import type { PlanRequest } from './plan-words.ts';

let intended: PlanRequest | undefined;
const listeners = new Set<() => void>();

/** Says that the next page with a plan sheet is to ask for this plan. It lives in this tab's memory: an address can never make a plan. */
export function intendPlan(request: PlanRequest): void {
  intended = request;
  listeners.forEach((listener) => listener());
}

/** Takes an intended plan, once, as soon as there is one. */
export function useIntendedPlan(ask: (request: PlanRequest) => void): void {
  const waiting = useSyncExternalStore(subscribe, () => intended, () => undefined);
  useEffect(() => {
    if (!waiting || waiting !== intended) return;
    intended = undefined;
    ask(waiting);
  }, [waiting, ask]);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
