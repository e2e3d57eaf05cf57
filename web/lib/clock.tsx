'use client';

import { useLocalStorage } from '@mantine/hooks';
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { clockIn, type ClockTexts } from './clock-texts.ts';

/** The time, in steps; undefined during server rendering, so that hydration matches. */
export function useNow(stepMs = 1000): number | undefined {
  const subscribe = useCallback(
    (changed: () => void) => {
      const timer = setInterval(changed, stepMs);
      return () => clearInterval(timer);
    },
    [stepMs],
  );
  return useSyncExternalStore(
    subscribe,
    () => Math.floor(Date.now() / stepMs) * stepMs,
    () => undefined,
  );
}

/** The zone that times are shown in: the browser's own, UTC, or a chosen one. `z` toggles between it and UTC. */
export function useTimeZone() {
  const [chosen, setChosen] = useLocalStorage<string>({ key: 'ctfleet-time-zone', defaultValue: '', getInitialValueInEffect: true });
  const own = useSyncExternalStore(
    never,
    () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    () => 'UTC',
  );
  const zone = chosen || own;
  return { zone, own, setZone: setChosen, flip: () => setChosen(zone === 'UTC' ? (own === 'UTC' ? 'Europe/Rome' : '') : 'UTC') };
}

function never(): () => void {
  return () => {};
}

/** Formats times in the zone in use. */
export function useClock(): ClockTexts & { zone: string } {
  const { zone } = useTimeZone();
  return useMemo(() => ({ zone, ...clockIn(zone) }), [zone]);
}
