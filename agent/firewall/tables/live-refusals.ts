import type { FoundElement } from './found-refusals.ts';
import type { RefusedElement } from './refusal-rules.ts';

/**
 * What is to be refused, and until when: the kernel's table is made of this again when somebody else took it away. Times are milliseconds
 * of one clock.
 */
export class LiveRefusals {
  /** By set and value. */
  #ends = new Map<string, RefusedElement & { untilMs: number }>();
  #untilMs = 0;

  /** When the last of all that was ever added ends. */
  get untilMs(): number {
    return this.#untilMs;
  }

  add(elements: readonly RefusedElement[], untilMs: number): void {
    for (const element of elements) {
      const before = this.#ends.get(nameOf(element))?.untilMs ?? 0;
      this.#ends.set(nameOf(element), { ...element, untilMs: Math.max(before, untilMs) });
    }
    if (elements.length > 0) this.#untilMs = Math.max(this.#untilMs, untilMs);
  }

  remove(elements: readonly RefusedElement[]): void {
    for (const element of elements) this.#ends.delete(nameOf(element));
  }

  /** What the kernel holds is what is refused. */
  replace(found: readonly FoundElement[], nowMs: number): void {
    this.#ends.clear();
    this.#untilMs = nowMs;
    // The kernel counts in whole seconds.
    for (const { set, value, expiresSeconds } of found) this.add([{ set, value }], nowMs + (expiresSeconds + 1) * 1000);
  }

  /** Those that are still to be refused, each with what is left of its time; the others are forgotten. */
  at(nowMs: number): FoundElement[] {
    for (const [name, { untilMs }] of this.#ends) if (untilMs <= nowMs) this.#ends.delete(name);
    return [...this.#ends.values()].map(({ set, value, untilMs }) => ({ set, value, expiresSeconds: (untilMs - nowMs) / 1000 }));
  }
}

function nameOf({ set, value }: RefusedElement): string {
  return `${set} ${value}`;
}
