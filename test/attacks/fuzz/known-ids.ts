import type { Random } from './random.ts';

const MAX_KEPT = 64;

/** What a hostile party has learnt while talking: ids and digests by kind, the newest of each. */
export class KnownIds {
  readonly #byKind = new Map<string, string[]>();

  note(kind: string, id: string): void {
    const ids = this.#byKind.get(kind);
    if (!ids) this.#byKind.set(kind, [id]);
    else if (!ids.includes(id) && ids.push(id) > MAX_KEPT) ids.shift();
  }

  has(kind: string): boolean {
    return this.#byKind.has(kind);
  }

  /** One of that kind; occasionally one of another kind, or one that nobody has. */
  pick(random: Random, kind: string): string {
    const ids = random.perMille(950) ? this.#byKind.get(kind) : random.pick([...this.#byKind.values(), undefined]);
    return ids && random.perMille(900) ? random.pick(ids) : random.uuid();
  }

  newest(kind: string): string | undefined {
    return this.#byKind.get(kind)?.at(-1);
  }
}
