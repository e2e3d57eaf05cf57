'use client';

import { useEffect, useSyncExternalStore } from 'react';

let isUnsaved = false;
let leaving: (() => void) | undefined;
const listeners = new Set<() => void>();

/** Leaves the page, by `leave`; where that would lose edits, somebody is asked first. */
export function whenSaved(leave: () => void): void {
  if (isUnsaved) ask(leave);
  else leave();
}

/**
 * Says whether this page has edits that are not saved. Every way out of it asks first: links and keys, Back and Forward, and the browser's
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

/** The way out that waits for an answer; undefined while none does. */
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

/** Back and Forward within the console; a browser that cannot hold them back just goes. */
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
