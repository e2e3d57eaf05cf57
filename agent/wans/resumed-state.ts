import { WanEvent_Sign as Sign, type WanEvent } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import type { WanState } from './health.ts';
import type { Wan } from './wans.ts';

/**
 * The state of a WAN by its record, for an agent that restarted: that the route was lost, or answers stopped, is seen only as it happens.
 * When exactly it changed within the last hour is not on record; the last time stands for all.
 */
export function resumedState(event: WanEvent): WanState {
  const recovery = event.seen.findLastIndex(({ sign }) => sign === Sign.SIGN_RECOVERED);
  const since = event.seen.slice(recovery + 1);
  const has = (wanted: Sign): boolean => since.some(({ sign }) => sign === wanted);
  const isFailing = recovery === -1 || since.some(({ sign }) => sign !== Sign.SIGN_ADDRESS);
  const [isDown, isSilent, isWithoutRoute] = [has(Sign.SIGN_LINK), has(Sign.SIGN_PROBE), has(Sign.SIGN_ROUTE)];
  const lastMs = Number(event.seen.findLast(({ sign }) => sign !== Sign.SIGN_ADDRESS)?.atMs ?? event.beganAtMs);
  return {
    wan: {
      name: event.wan,
      interface: event.interface,
      addresses: [],
      ...(isDown && { isUp: false }),
      ...(isSilent && { isAnswering: false }),
      ...(isWithoutRoute && { carriesDefaultRoute: false }),
    },
    failure: isFailing
      ? { sinceMs: Number(event.beganAtMs), words: since[0]?.words ?? '', steps: 1, isWithoutRoute, wasDown: isDown || isSilent }
      : undefined,
    changesMs: Array.from({ length: event.changesAnHour }, () => lastMs),
  };
}

/** A WAN that was silent before the restart is so until it answers: a probe that was never answered says nothing. */
export function stillSilent(wan: Wan): Wan {
  return wan.isAnswering === undefined ? { ...wan, isAnswering: false } : wan;
}
