import canonicalize from 'canonicalize';
import { z } from 'zod';
import { ApprovalsCheck } from './approvals-check.ts';
import { ChainCheck, type HashedEntry } from './chain.ts';
import { isGenuine, type Checkpoint } from './checkpoint.ts';
import { isSigned, type AuditKey } from './signature.ts';
import { isGenuineStub, type Stub } from './stub.ts';

const seq = z.number().int().min(1);
const span = z.object({ chain: z.string(), first: seq, last: seq, previousHash: z.string(), lastHash: z.string() });
/** What one chain contributed to a trail: entries `first` to `last`, the hash before the first and the hash of the last. */
export type Span = z.output<typeof span>;

/**
 * Entries may have fields of a later version: all are hashed. The last line is signed and lists the entries that exist, so that nothing can
 * be cut off.
 */
const line = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('entry'), id: z.string(), chain: z.string(), seq, hash: z.string(), previousHash: z.string() }),
  z.object({
    kind: z.literal('checkpoint'),
    chain: z.string(),
    seq,
    hash: z.string(),
    at: z.string(),
    signature: z.string(),
    keyId: z.string(),
  }),
  z.object({ kind: z.literal('stub'), chain: z.string(), seq, hash: z.string(), at: z.string(), signature: z.string(), keyId: z.string() }),
  z.object({
    kind: z.literal('end'),
    at: z.string(),
    entries: z.number(),
    checkpoints: z.number(),
    stubs: z.number().optional(),
    spans: z.array(span),
    keyId: z.string(),
    signature: z.string(),
  }),
]);
type Line = z.output<typeof line>;
type LineOf<Kind extends Line['kind']> = Extract<Line, { kind: Kind }>;

/** The first line of a trail that is not as it was written. */
export interface TrailBreak {
  line: number;
  chain?: string;
  seq?: number;
  id?: string;
  why: string;
}
/** `approvals`: of plans by a second person, each verified from its entry. */
export type TrailVerdict =
  | { isIntact: true; entries: number; chains: number; approvals: ApprovalsCheck['result'] }
  | { isIntact: false; firstBreak: TrailBreak };

/**
 * Writes an audit trail as lines of canonical JSON: the entries of each chain in order, each followed by the checkpoints that name it, and
 * finally the signed end. Anyone with the public key can verify it without us (verifyTrail).
 */
export class TrailWriter {
  readonly #key: AuditKey;
  readonly #spans: Span[] = [];
  #entries = 0;
  #checkpoints = 0;
  #stubs = 0;

  constructor(key: AuditKey) {
    this.#key = key;
  }

  entry(entry: HashedEntry): string {
    const span = this.#spans.at(-1);
    if (span?.chain === entry.chain) Object.assign(span, { last: entry.seq, lastHash: entry.hash });
    else
      this.#spans.push({ chain: entry.chain, first: entry.seq, last: entry.seq, previousHash: entry.previousHash, lastHash: entry.hash });
    this.#entries++;
    return toText({ kind: 'entry', ...entry });
  }

  /** Goes before the entries of a chain whose beginning was removed. */
  stub(stub: Stub): string {
    this.#stubs++;
    return toText({ kind: 'stub', ...stub });
  }

  checkpoint(checkpoint: Checkpoint): string {
    this.#checkpoints++;
    return toText({ kind: 'checkpoint', ...checkpoint });
  }

  end(at: string): string {
    const said = {
      at,
      entries: this.#entries,
      checkpoints: this.#checkpoints,
      ...(this.#stubs > 0 && { stubs: this.#stubs }),
      spans: this.#spans,
    };
    return toText({ kind: 'end', ...said, ...this.#key.sign(said) });
  }
}

/** Verifies the lines of a trail against the public key (SPKI PEM). The verdict names the first line that is not as it was written. */
export function verifyTrail(lines: Iterable<string>, publicPem: string): TrailVerdict {
  const check = new TrailCheck(publicPem);
  let line = 0;
  for (const text of lines) {
    line++;
    const found = check.add(text);
    if (found) return { isIntact: false, firstBreak: { line, ...found } };
  }
  const found = check.finish();
  return found
    ? { isIntact: false, firstBreak: { line: line + 1, ...found } }
    : { isIntact: true, entries: check.entries, chains: check.chains, approvals: check.approvals.result };
}

type Found = Omit<TrailBreak, 'line'>;

class TrailCheck {
  readonly #publicPem: string;
  readonly #spans: Span[] = [];
  readonly #hashes = new Map<number, string>();
  #chain: ChainCheck | undefined;
  #checkpoints = 0;
  #stubs = 0;
  #stub: Stub | undefined;
  #isEnded = false;
  readonly approvals = new ApprovalsCheck();
  entries = 0;

  constructor(publicPem: string) {
    this.#publicPem = publicPem;
  }

  get chains(): number {
    return this.#spans.length;
  }

  add(text: string): Found | undefined {
    if (this.#isEnded) return { why: 'there is a line after the end' };
    const line = parse(text);
    switch (line?.kind) {
      case 'entry':
        return this.#entry(line);
      case 'stub':
        return this.#stubLine(line);
      case 'checkpoint':
        return this.#checkpoint(line);
      case 'end':
        return this.#end(line);
      default:
        return { ...this.#expected(), why: 'the line is not in the format of a trail' };
    }
  }

  finish(): Found | undefined {
    return this.#isEnded ? undefined : { ...this.#expected(), why: 'the end is missing' };
  }

  #entry(read: LineOf<'entry'>): Found | undefined {
    const { kind: _, ...fields } = read;
    const entry = fields as unknown as HashedEntry;
    if (this.#spans.at(-1)?.chain !== entry.chain) {
      if (this.#spans.some(({ chain }) => chain === entry.chain))
        return { chain: entry.chain, seq: entry.seq, id: entry.id, why: 'its chain had already ended' };
      this.#spans.push({ chain: entry.chain, first: entry.seq, last: entry.seq, previousHash: entry.previousHash, lastHash: entry.hash });
      this.#chain = new ChainCheck({ seq: entry.seq, previousHash: entry.previousHash });
      this.#hashes.clear();
    }
    const stub = this.#stub;
    this.#stub = undefined;
    if (stub && (stub.chain !== entry.chain || stub.seq !== entry.seq - 1 || stub.hash !== entry.previousHash))
      return { chain: entry.chain, seq: entry.seq, id: entry.id, why: 'it does not follow from what was taken away before it' };
    const found = this.#chain!.add(entry);
    if (found) return { chain: entry.chain, ...found };
    Object.assign(this.#spans.at(-1)!, { last: entry.seq, lastHash: entry.hash });
    this.#hashes.set(entry.seq, entry.hash);
    this.entries++;
    const forged = this.approvals.add(entry);
    return forged === undefined ? undefined : { chain: entry.chain, seq: entry.seq, id: entry.id, why: forged };
  }

  #stubLine(read: LineOf<'stub'>): Found | undefined {
    const { kind: _, ...stub } = read;
    this.#stubs++;
    this.#stub = stub;
    return isGenuineStub(stub, this.#publicPem)
      ? undefined
      : { chain: stub.chain, seq: stub.seq, why: 'entries were taken away, and the signature for that is not ours' };
  }

  #checkpoint(read: LineOf<'checkpoint'>): Found | undefined {
    const { kind: _, ...checkpoint } = read;
    this.#checkpoints++;
    const { chain, seq } = checkpoint;
    if (!isGenuine(checkpoint, this.#publicPem)) return { chain, seq, why: 'the checkpoint’s signature is not ours' };
    if (chain !== this.#spans.at(-1)?.chain) return { chain, seq, why: 'the checkpoint belongs to another chain' };
    return this.#hashes.get(seq) === checkpoint.hash
      ? undefined
      : { chain, seq, why: 'the entry is not the one that the checkpoint names' };
  }

  #end(read: LineOf<'end'>): Found | undefined {
    const { kind: _, signature, keyId, ...said } = read;
    this.#isEnded = true;
    if (!isSigned(said, { signature, keyId }, this.#publicPem)) return { why: 'the end’s signature is not ours' };
    for (const [index, span] of said.spans.entries()) {
      const found = this.#spans[index];
      if (found?.chain !== span.chain) return { chain: span.chain, seq: span.first, why: 'the chain is missing' };
      if (found.first !== span.first || found.previousHash !== span.previousHash)
        return { chain: span.chain, seq: span.first, why: 'entries are missing from its beginning' };
      if (found.last !== span.last || found.lastHash !== span.lastHash)
        return { chain: span.chain, seq: found.last + 1, why: 'entries are missing from its end' };
    }
    const extra = this.#spans[said.spans.length];
    if (extra) return { chain: extra.chain, seq: extra.first, why: 'the chain is not one of this trail' };
    return this.#checkpoints === said.checkpoints &&
      this.#stubs === (said.stubs ?? 0) &&
      this.#stub === undefined &&
      this.entries === said.entries
      ? undefined
      : { why: 'lines are missing or were added' };
  }

  /** Where the trail breaks off. */
  #expected(): Pick<Found, 'chain' | 'seq'> {
    const span = this.#spans.at(-1);
    return span ? { chain: span.chain, seq: span.last + 1 } : {};
  }
}

function toText(line: object): string {
  return canonicalize(line) ?? '';
}

/** A line spelled exactly as we spell it, so that every byte is determined; undefined for anything else. */
function parse(text: string): Line | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const read = line.safeParse(value);
    return read.success && canonicalize(value) === text ? read.data : undefined;
  } catch {
    return undefined;
  }
}
