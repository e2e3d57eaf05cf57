'use client';

import { useEffect, useSyncExternalStore } from 'react';

let isUnsaved = false;
let leaving: (() => void) | undefined;
const listeners = new Set<() => void>();

/** Leaves the page by calling `leave`; asks first if that would lose edits. */
export function whenSaved(leave: () => void): void {
  if (isUnsaved) ask(leave);
  else leave();
}

/**
 * Declares whether this page has unsaved edits. Every way of leaving it asks first: links and keys, Back and Forward, and the browser's
 * own.
 */
export function useUnsaved(hasEdits: boolean): void {
  useEffect(() => {
    if (!hasEdits) return undefined;
    isUnsaved = true;
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', onUnload);
    window.navigation?.addEventListener('navigate', onNavigate);
    return () => {
      isUnsaved = false;
      window.removeEventListener('beforeunload', onUnload);
      window.navigation?.removeEventListener('navigate', onNavigate);
    };
  }, [hasEdits]);
}

/** The navigation that waits for an answer; undefined if there is none. */
export function useLeaving(): { leave(): void; stay(): void } | undefined {
  const waiting = useSyncExternalStore(
    subscribe,
    () => leaving,
    () => undefined,
  );
  return (
    waiting && {
      leave() {
        isUnsaved = false;
        ask(undefined);
        waiting();
      },
      stay: () => ask(undefined),
    }
  );
}

/** Back and Forward within the console; a browser that cannot intercept them just navigates. */
function onNavigate(event: NavigateEvent): void {
  const here = window.navigation?.currentEntry?.index;
  if (!isUnsaved || event.navigationType !== 'traverse' || !event.cancelable || here === undefined) return;
  event.preventDefault();
  const steps = event.destination.index - here;
  ask(() => window.history.go(steps));
}

function ask(leave: (() => void) | undefined): void {
  leaving = leave;
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
