/** Milliseconds since 1970. Injected wherever time matters. */
export type Clock = () => number;
