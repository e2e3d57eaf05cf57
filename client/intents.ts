/** How long an unanswered request counts as the same intent when it is sent again. */
const REMEMBERED_MS = 10 * 60_000;

/**
 * One Idempotency-Key per intent: a request without a response (network failure, server down) keeps its key, so that pressing the button
 * again cannot run it twice. Once it was answered, the same request is a new intent.
 */
export class Intents {
  readonly #open = new Map<string, { key: string; atMs: number }>();
  readonly #newKey: () => string;
  readonly #now: () => number;

  constructor(newKey: () => string, now: () => number) {
    [this.#newKey, this.#now] = [newKey, now];
  }

  /** The key of a request: that of its last attempt if its result is unknown. */
  keyOf(request: string): string {
    const nowMs = this.#now();
    for (const [other, { atMs }] of this.#open) if (nowMs - atMs > REMEMBERED_MS) this.#open.delete(other);
    const key = this.#open.get(request)?.key ?? this.#newKey();
    this.#open.set(request, { key, atMs: nowMs });
    return key;
  }

  /** The request was answered, whether it succeeded or not. */
  settle(request: string): void {
    this.#open.delete(request);
  }
}
