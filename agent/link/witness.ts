import path from 'node:path';
import { z } from 'zod';
import type { AuditCheckpoint } from '../../proto/gen/ctfleet/v1/link.ts';
import { Disk } from '../disk/disk.ts';

/** Of each chain. Older ones make it harder to rewrite the past in one stroke; the newest says how long it was. */
const MOST = 32;
/** A gateway is shown the chain of its tenant and that of the system. */
const MAX_CHAINS = 16;
/** Characters of a chain's id, a hash and a key's id, and bytes of a signature. */
const MAX_PART = 256;

const schema = z.array(
  z.object({
    chain: z.string(),
    seq: z.coerce.bigint(),
    hash: z.string(),
    atMs: z.coerce.bigint(),
    signature: z.base64(),
    keyId: z.string(),
  }),
);

/**
 * Heads of the controller's audit chains, kept where the controller cannot reach them. One that is behind what is kept, or names another
 * entry in its place, is refused: then somebody has rewritten the past. At each hello the controller is held against what is kept.
 */
export class Witness {
  readonly #file: string;
  readonly #onContradiction: (why: string) => void;
  readonly #disk: Disk;
  #kept: AuditCheckpoint[];

  constructor(directory: string, onContradiction: (why: string) => void, disk = new Disk()) {
    this.#file = path.join(directory, 'witness.json');
    this.#disk = disk;
    this.#onContradiction = onContradiction;
    this.#kept = this.#load();
  }

  /** Per chain in order, the newest last. */
  get kept(): readonly AuditCheckpoint[] {
    return this.#kept;
  }

  /** Keeps a new head; one that cannot be written is told, and holds until the agent ends. */
  see(checkpoint: AuditCheckpoint): void {
    if ([checkpoint.chain, checkpoint.hash, checkpoint.keyId, checkpoint.signature].some(({ length }) => length > MAX_PART))
      return this.#onContradiction('a checkpoint came that is none');
    const own = this.#kept.filter(({ chain }) => chain === checkpoint.chain);
    const why = contradiction(checkpoint, own);
    if (why !== undefined) return this.#onContradiction(why);
    if (own.at(-1)?.seq === checkpoint.seq) return;
    if (own.length === 0 && new Set(this.#kept.map(({ chain }) => chain)).size >= MAX_CHAINS)
      return this.#onContradiction(`more than ${MAX_CHAINS} audit chains came; the newest is not kept`);
    this.#kept = [...this.#kept.filter(({ chain }) => chain !== checkpoint.chain), ...[...own, checkpoint].slice(-MOST)];
    const text = JSON.stringify(
      this.#kept.map((one) => ({
        ...one,
        seq: String(one.seq),
        atMs: String(one.atMs),
        signature: Buffer.from(one.signature).toString('base64'),
      })),
    );
    try {
      this.#disk.write(this.#file, text);
    } catch (error) {
      this.#disk.tell('what was witnessed could not be kept', this.#file, error);
    }
  }

  #load(): AuditCheckpoint[] {
    const parse = (bytes: Buffer): AuditCheckpoint[] => {
      try {
        return schema.parse(JSON.parse(bytes.toString('utf8'))).map((one) => ({ ...one, signature: Buffer.from(one.signature, 'base64') }));
      } catch (error) {
        this.#onContradiction(`what was witnessed cannot be read and starts again: ${(error as Error).message}`);
        throw error;
      }
    };
    return this.#disk.read(this.#file, parse) ?? [];
  }
}

function contradiction({ chain, seq, hash }: AuditCheckpoint, kept: readonly AuditCheckpoint[]): string | undefined {
  const same = kept.find((one) => one.seq === seq);
  if (same) return same.hash === hash ? undefined : `audit chain ${chain} has another entry ${seq} than the one that was witnessed`;
  const newest = kept.at(-1);
  return newest && newest.seq > seq ? `audit chain ${chain} ends at ${seq}; ${newest.seq} was witnessed` : undefined;
}
