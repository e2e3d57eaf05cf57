import type { CameBack, Using, WanEvent } from '../../proto/gen/ctfleet/v1/wan_event.ts';

/** The record with its times as the controller's clock has them. */
export function shiftTimes(event: WanEvent, offsetMs: number): WanEvent {
  const at = (ms: bigint): bigint => BigInt(Math.max(0, Math.round(Number(ms) + offsetMs)));
  const maybe = (ms: bigint | undefined): bigint | undefined => (ms === undefined ? undefined : at(ms));
  const using = (one: Using | undefined): Using | undefined => one && { ...one, atMs: at(one.atMs) };
  return {
    ...event,
    seen: event.seen.map((one) => ({ ...one, atMs: at(one.atMs) })),
    beganAtMs: at(event.beganAtMs),
    changedAtMs: at(event.changedAtMs),
    healedAtMs: maybe(event.healedAtMs),
    closedAtMs: maybe(event.closedAtMs),
    using: using(event.using),
    atFirst: using(event.atFirst),
    cameBack: event.cameBack && shiftCameBack(event.cameBack, offsetMs),
  };
}

/** As `shiftTimes`. */
export function shiftCameBack(cameBack: CameBack, offsetMs: number): CameBack {
  const at = (ms: bigint): bigint => BigInt(Math.max(0, Math.round(Number(ms) + offsetMs)));
  return { ...cameBack, sinceMs: at(cameBack.sinceMs), watchedAtMs: at(cameBack.watchedAtMs) };
}
