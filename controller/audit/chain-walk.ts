import type { z } from 'zod';
import type { verifyAudit } from '../../proto/http/audit.ts';
import { ChainCheck, type Break, type Head, type HashedEntry } from './chain.ts';
import { isGenuine, type Checkpoint } from './checkpoint.ts';
import { isGenuineStub, type Stub } from './stub.ts';

/** What is known of one chain. */
export type ChainVerdict = z.output<typeof verifyAudit.response>['chains'][number];

/** The current signing key; checkpoints signed with an older key are not checked against it. */
interface Signer {
  id: string;
  publicPem: string;
}

/** Follows one chain, which arrives in parts, and checks it against its head, its checkpoints and the stub that it begins with. */
export class ChainWalk {
  readonly #head: Head;
  readonly #stub: Stub | undefined;
  readonly #key: Signer;
  readonly #check: ChainCheck;
  #checkpoints = 0;
  #found: Break | undefined;

  constructor(head: Head, stub: Stub | undefined, key: Signer) {
    [this.#head, this.#stub, this.#key] = [head, stub, key];
    this.#check = new ChainCheck(stub && { seq: stub.seq + 1, previousHash: stub.hash });
    if (stub && stub.keyId === key.id && !isGenuineStub(stub, key.publicPem))
      this.#found = { seq: stub.seq, why: 'entries up to it were taken away, and the signature for that is not ours' };
  }

  /** The number of the first entry that still exists. */
  get first(): number {
    return (this.#stub?.seq ?? 0) + 1;
  }

  /** Nothing after a break is checked. */
  get isBroken(): boolean {
    return this.#found !== undefined;
  }

  /** The next entries, with the checkpoints that name them or that name entries which do not exist. */
  add(entries: Iterable<HashedEntry>, checkpoints: readonly Checkpoint[]): void {
    let next = 0;
    for (const entry of entries) {
      this.#found ??= this.#check.add(entry);
      for (; !this.isBroken && checkpoints[next]?.seq === this.#check.head.seq; next++) {
        const why = this.#whyNot(checkpoints[next]!);
        if (why === undefined) this.#checkpoints += 1;
        else this.#found = { seq: this.#check.head.seq, id: entry.id, why };
      }
      if (this.isBroken) return;
    }
    const { seq, hash } = this.#check.head;
    // This may be the last part: entries missing after it are reported by the verdict.
    if (checkpoints[next] && seq >= this.#head.seq && hash === this.#head.hash) {
      this.#found = { seq: seq + 1, why: `a checkpoint was signed for entry ${checkpoints[next]!.seq}, which is not there` };
    }
  }

  /** Call after all parts were added. */
  verdict(): ChainVerdict {
    const { seq, hash } = this.#check.head;
    const { chain, tenantId } = this.#head;
    const isShort = seq < this.#head.seq || hash !== this.#head.hash;
    const firstBreak = this.#found ?? (isShort ? { seq: seq + 1, why: 'entries are missing from its end' } : undefined);
    return {
      chain,
      tenantId: tenantId ?? undefined,
      entries: seq,
      checkpoints: this.#checkpoints,
      isIntact: firstBreak === undefined,
      firstBreak,
      dropped: this.#stub && { upTo: this.#stub.seq, at: this.#stub.at },
    };
  }

  #whyNot(mark: Checkpoint): string | undefined {
    if (mark.keyId === this.#key.id && !isGenuine(mark, this.#key.publicPem)) return 'the checkpoint’s signature is not ours';
    return mark.hash === this.#check.head.hash ? undefined : 'the entry is not the one that the checkpoint names';
  }
}
