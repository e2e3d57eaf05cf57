'use client';

import { useSyncExternalStore } from 'react';

/** Whether somebody can be asked now, and who waits for the answer: many requests may be refused at once, and one proof serves them all. */
let isMounted = false;
let asked: { promise: Promise<boolean>; settle(isGiven: boolean): void } | undefined;
let proofs = 0;
const listeners = new Set<() => void>();

/** Asks for a second factor; true once it was proved, false if the person declines or there is nobody to ask on this page. */
export function askForProof(): Promise<boolean> {
  if (!isMounted) return Promise.resolve(false);
  if (!asked) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    asked = { promise, settle: resolve };
    tell();
  }
  return asked.promise;
}

/** Ends the question. */
export function settleProof(isGiven: boolean): void {
  const waiting = asked;
  asked = undefined;
  if (isGiven) proofs += 1;
  tell();
  waiting?.settle(isGiven);
}

/** True while a proof is asked for. Whoever uses this shows the question. */
export function useProofAsked(): boolean {
  return useSyncExternalStore(
    (listener) => {
      isMounted = true;
      const stop = subscribe(listener);
      return () => {
        isMounted = false;
        stop();
      };
    },
    () => asked !== undefined,
    () => false,
  );
}

/** How often this page has seen a second factor proved: what was refused before may be admitted now. */
export function useProofs(): number {
  return useSyncExternalStore(
    subscribe,
    () => proofs,
    () => 0,
  );
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  listeners.forEach((listener) => listener());
}
