/** Milliseconds since 1970. Injected, so that tests own the time. */
export type Clock = () => number;

/** Provider token. */
export const CLOCK = Symbol('clock');
