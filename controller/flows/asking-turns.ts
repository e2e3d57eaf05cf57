/** What a turn gives back when it is over; calling it again does nothing. */
export type Release = () => void;

interface Waiting {
  begin(release: Release): void;
  isOver: boolean;
}

/**
 * So many questions to gateways at once, over all that this process asks. Each search has a line of its own, and the lines take turns: one
 * over a thousand gateways keeps another over two from nothing.
 */
export class AskingTurns {
  readonly #atOnce: number;
  readonly #lines: Line[] = [];
  #active = 0;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  get active(): number {
    return this.#active;
  }

  /** The line of one search; its questions begin in the order in which they were taken. */
  line(): Line {
    return new Line((line) => {
      this.#lines.push(line);
      this.#begin();
    });
  }

  #begin(): void {
    while (this.#active < this.#atOnce && this.#lines.length > 0) {
      const line = this.#lines.shift()!;
      const next = line.next();
      if (!next) continue;
      this.#lines.push(line);
      this.#active += 1;
      let isOver = false;
      next.begin(() => {
        if (isOver) return;
        isOver = true;
        this.#active -= 1;
        this.#begin();
      });
    }
  }
}

export class Line {
  readonly #waiting: Waiting[] = [];
  readonly #join: (line: Line) => void;
  #isQueued = false;

  /** @param join puts the line behind the others; called when somebody waits in it again */
  constructor(join: (line: Line) => void) {
    this.#join = join;
  }

  /** Resolves when it is this one's turn. Rejects with the signal's reason if that comes first; then the turn is nobody's. */
  take(signal: AbortSignal): Promise<Release> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const waiting: Waiting = { isOver: false, begin: () => undefined };
      const leave = (): void => {
        waiting.isOver = true;
        reject(signal.reason as Error);
      };
      waiting.begin = (release) => {
        signal.removeEventListener('abort', leave);
        resolve(release);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      if (this.#isQueued) return;
      this.#isQueued = true;
      this.#join(this);
    });
  }

  /** Does the work in a turn, which it keeps for `patienceMs` at most: who takes longer goes on beside those that follow. */
  async during<T>(signal: AbortSignal, patienceMs: number, work: () => Promise<T>): Promise<T> {
    const release = await this.take(signal);
    const patience = setTimeout(release, patienceMs);
    try {
      return await work();
    } finally {
      clearTimeout(patience);
      release();
    }
  }

  /** Whose turn it is in this line; undefined once nobody waits. */
  next(): Waiting | undefined {
    for (let first = this.#waiting.shift(); first; first = this.#waiting.shift()) if (!first.isOver) return first;
    this.#isQueued = false;
    return undefined;
  }
}
