/** How long one reading counts: two spans of it. Clocks that are slewed drift by 0.05 %, which is 0.3 s in ten minutes. */
const SPAN_MS = 300_000;
/** A message that was longer under way than this would have ended the session as silent. */
const MAX_DELAY_MS = 40_000;
/** A welcome that took longer may have waited anywhere, on this gateway too, and its time is that much too early. */
const PROMPT_MS = 2000;
/** A word that came so long after the welcome did not wait together with it. */
const LATER_MS = 2000;
/** The longest that the fastest of several words is taken to have been under way: more than by satellite. */
const MAX_ONE_WAY_MS = 500;
/** What JavaScript calls a time. */
const MAX_TIME_MS = 8.64e15;

/** The controller's clock minus ours, at least: each in force for the span in which it was heard and the next. */
interface Bound {
  spanAtMs: number;
  offsetMs: number;
}

/**
 * The controller's time as a gateway can know it, from a clock of its own that nobody sets. An agent has one: the link measures it at each
 * welcome and each ping, and whatever shifts a time or holds a deadline asks it.
 *
 * The controller's words carry its time when they were sent, so its clock is that far ahead *at least*, and further by the time that they
 * were under way. How long that can be is known once a session: the round trip from hello to welcome. So of all words the one that was
 * fastest counts, and a word that waited in a queue changes nothing; deadlines are held against the latest time that it may be. After a
 * suspend, or when the controller's clock was set on, the next word moves it on. A word too old to be explained by any delay contradicts
 * it: then the session must be begun again, which measures it again.
 */
export class ControllerClock {
  readonly #now: () => number;
  #newest: Bound | undefined;
  #before: Bound | undefined;
  #roundTripMs = 0;
  #welcomedAtMs = 0;
  #isSure = false;

  /** @param now milliseconds of a clock that nobody sets */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A session began: what was known before is forgotten. `askedAtMs`: our time when hello went out. A time that is none is passed over. */
  welcome(controllerMs: number, askedAtMs: number): void {
    if (!isTime(controllerMs)) return;
    const nowMs = this.#now();
    this.#roundTripMs = Math.max(0, nowMs - askedAtMs);
    this.#welcomedAtMs = nowMs;
    this.#isSure = this.#roundTripMs <= PROMPT_MS;
    this.#before = undefined;
    this.#newest = { spanAtMs: nowMs, offsetMs: controllerMs - nowMs };
  }

  /** A word of the controller with its time. False: it contradicts what is known, and the session must be begun again. */
  hear(controllerMs: number): boolean {
    if (!isTime(controllerMs)) return false;
    const nowMs = this.#now();
    const offsetMs = controllerMs - nowMs;
    const known = this.#aheadMs();
    if (known !== undefined && offsetMs < known - MAX_DELAY_MS) return false;
    if (nowMs - this.#welcomedAtMs >= LATER_MS) this.#isSure = true;
    if (!this.#newest || nowMs - this.#newest.spanAtMs >= SPAN_MS)
      [this.#before, this.#newest] = [this.#newest, { spanAtMs: nowMs, offsetMs }];
    else this.#newest.offsetMs = Math.max(this.#newest.offsetMs, offsetMs);
    return true;
  }

  /**
   * What it most likely is, to be shown and stored. Our own time until the first welcome. A welcome that took seconds was late because of
   * the controller's work, not because of its way.
   */
  now(): number {
    return Math.round(this.#now() + (this.#aheadMs() ?? 0) + Math.min(this.#roundTripMs / 2, MAX_ONE_WAY_MS));
  }

  /** False before the first welcome, and after one that was slow until a later word: what is dated now may be seconds too early. */
  get isSure(): boolean {
    return this.#isSure;
  }

  /** How far `now` is ahead of our own clock, to shift what was timed by ours. Zero until the first welcome. */
  offsetMs(): number {
    return this.now() - this.#now();
  }

  /** The latest that it may be, to hold deadlines against. */
  latest(): number {
    return Math.ceil(this.#now() + (this.#aheadMs() ?? 0) + this.#roundTripMs);
  }

  #aheadMs(): number | undefined {
    return this.#newest && Math.max(this.#newest.offsetMs, this.#before?.offsetMs ?? -Infinity);
  }
}

function isTime(ms: number): boolean {
  return Number.isFinite(ms) && ms > 0 && ms <= MAX_TIME_MS;
}
