/** Probes in a row without an answer after which a WAN counts as silent. */
const MAX_UNANSWERED = 3;

/**
 * Whether the probed address answers.
 *
 *   unknown ── answer ──▶ answering ── 3 unanswered ──▶ silent
 *                             ▲────────── answer ─────────┘
 *
 * A next hop that ignores pings stays `unknown`, so it never marks its WAN as failed.
 */
export class Answering {
  #state: boolean | undefined;
  #unanswered = 0;

  /** True: it answers. False: it did and fell silent. Undefined: it never answered. */
  get state(): boolean | undefined {
    return this.#state;
  }

  /** A probe goes out; if no answer came since, the one before it is still unanswered. */
  sending(): void {
    if (this.#unanswered++ >= MAX_UNANSWERED && this.#state === true) this.#state = false;
  }

  answered(): void {
    this.#unanswered = 0;
    this.#state = true;
  }
}
