/** A WAN falls silent after so many probes in a row without an answer. */
const MAX_UNANSWERED = 3;

/**
 * Whether what is probed answers.
 *
 *   unknown ── answer ──▶ answering ── 3 unanswered ──▶ silent
 *                             ▲────────── answer ─────────┘
 *
 * A next hop that ignores pings stays `unknown`, so that it never makes its WAN dead.
 */
export class Answering {
  #state: boolean | undefined;
  #unanswered = 0;

  /** True: it answers. False: it did and fell silent. Undefined: it never answered. */
  get state(): boolean | undefined {
    return this.#state;
  }

  /** A probe goes out, and that before it is still without an answer if none came since. */
  sending(): void {
    if (this.#unanswered++ >= MAX_UNANSWERED && this.#state === true) this.#state = false;
  }

  answered(): void {
    this.#unanswered = 0;
    this.#state = true;
  }
}
