import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import { wireDigestBytes } from '../../proto/wire/digest.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import { refusedBytes } from '../../proto/wire/block.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { Disk } from '../disk/disk.ts';
import { inBatches, type FlowList } from './flow-list.ts';
import { isStale } from './lately.ts';
import { formatFlow, formatHead, readPlan } from './plan-file.ts';

/** A plan as frozen on this gateway. Its flows stay on disk and are read a batch at a time. */
export interface FrozenPlan extends FlowList {
  planId: string;
  expiresAtMs: number;
  digest: Buffer;
  /** What a block refuses in addition to its flows. */
  refused?: RefusedPackets;
  /** Number of its flows that were stuck on a WAN that could not carry them. */
  stale: number;
}

/** A plan being written: flows in order, then its digest. If a call throws, nothing of it is left on disk. */
export interface PlanWriter {
  /** Throws RATE_LIMITED when there is no more room for plans on this gateway, and what the file system throws. */
  add(flow: Flow): void;
  /** The same of one that is a message already. */
  addMessage(flow: WireFlow): void;
  /** Puts the plan in place and returns its digest: SHA-256 over digestBytes of every flow, then refusedBytes of a block. */
  finish(): Buffer;
  discard(): void;
}

/**
 * Limits of one store. 96 MiB hold about 1.7 million flows. Whoever flushes one gateway many times in a row has all of these plans kept until
 * they can no longer be undone.
 */
export const PLAN_LIMITS = { plans: 1000, bytes: 96 << 20 };
export type PlanLimits = typeof PLAN_LIMITS;

/** How long a plan that was not started is kept after it expires, for a command that is on its way. */
const GRACE_MS = 2 * 60_000;
/** The longest that a plan waits to be started. Controllers ask for a quarter of an hour at most. */
const MAX_WAIT_MS = 30 * 60_000;
const BUFFERED_BYTES = 1 << 20;
const ID = /^[0-9a-f-]{1,64}$/;

/**
 * Frozen plans on disk, so that what runs is what was shown even after a restart. A file is a line of JSON, then length-framed flows; its
 * mtime is the time until which it is kept. Times are the controller's.
 */
export class PlanStore {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #limits: PlanLimits;

  constructor(directory: string, disk = new Disk(), limits = PLAN_LIMITS) {
    this.#directory = path.join(directory, 'plans');
    this.#disk = disk;
    this.#limits = limits;
    disk.removeUnfinished(this.#directory);
  }

  /** @throws RATE_LIMITED when the maximum number of plans is kept, and what the file system throws */
  begin(planId: string, expiresAtMs: number, refused?: RefusedPackets): PlanWriter {
    const { plans, bytes: keptBytes } = this.kept();
    if (plans >= this.#limits.plans) throw noRoom(`${plans} plans`);
    const file = this.#fileOf(planId);
    const unfinished = this.#disk.begin(file);
    const hash = createHash('sha256');
    let buffered: Uint8Array[] = [formatHead({ planId, expiresAtMs, refused })];
    let bufferedBytes = 0;
    let writtenBytes = 0;
    const flush = (): void => {
      writtenBytes += bufferedBytes;
      const bytes = Buffer.concat(buffered);
      [buffered, bufferedBytes] = [[], 0];
      unfinished.write(bytes);
    };
    const writer: PlanWriter = {
      add: (flow) => writer.addMessage(toWireFlow(flow)),
      addMessage: (flow) => {
        hash.update(wireDigestBytes(flow));
        const bytes = formatFlow(flow);
        buffered.push(bytes);
        bufferedBytes += bytes.length;
        if (keptBytes + writtenBytes + bufferedBytes > this.#limits.bytes) {
          unfinished.discard();
          throw noRoom(`${Math.round(keptBytes / 1e6)} MB of plans`);
        }
        if (bufferedBytes > BUFFERED_BYTES) flush();
      },
      finish: () => {
        flush();
        unfinished.commit();
        try {
          this.keepUntil(planId, expiresAtMs + GRACE_MS);
        } catch (error) {
          this.remove(planId);
          throw error;
        }
        if (refused) hash.update(refusedBytes(refused));
        return hash.digest();
      },
      discard: () => unfinished.discard(),
    };
    return writer;
  }

  /**
   * Throws PLAN_UNKNOWN if it was never frozen here, was removed after expiry, or is damaged. Reads the whole file once for the digest;
   * keeps no flow in memory.
   */
  load(planId: string): FrozenPlan {
    const file = this.#fileOf(planId);
    const summary = this.#disk.scan(file, summarise);
    if (!summary)
      throw new FleetError('PLAN_UNKNOWN', 'This gateway does not hold the plan, or cannot read it. Create a new one.', { planId });
    return { ...summary, planId, batches: (size) => this.#batches(file, size, summary.count) };
  }

  /** Throws what the file system throws, and if the file has changed. */
  *#batches(file: string, size: number, count: number): Generator<Flow[], void, void> {
    let read = 0;
    for (const batch of inBatches(readPlan(this.#disk.chunks(file)).flows, size)) {
      read += batch.length;
      yield batch;
    }
    if (read !== count) throw new Error(`${file} held ${count} flows and now holds ${read}`);
  }

  remove(planId: string): void {
    this.#disk.remove(this.#fileOf(planId));
  }

  /** Keeps a plan that has run and may be undone until then. Throws what the file system throws. */
  keepUntil(planId: string, untilMs: number): void {
    this.#disk.files.utimesSync(this.#fileOf(planId), untilMs / 1000, untilMs / 1000);
  }

  /** How many plans are kept, and their size on disk. */
  kept(): { plans: number; bytes: number } {
    const files = this.#files();
    return { plans: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Removes plans whose time has passed, except those in use. */
  sweep(nowMs: number, isInUse: (planId: string) => boolean): void {
    for (const { planId, untilMs } of this.#files()) if (untilMs < nowMs && !isInUse(planId)) this.remove(planId);
  }

  #files(): { planId: string; untilMs: number; bytes: number }[] {
    return this.#disk
      .names(this.#directory)
      .filter((name) => ID.test(name))
      .flatMap((planId) => {
        const stat = this.#disk.files.statSync(path.join(this.#directory, planId), { throwIfNoEntry: false });
        return stat ? [{ planId, untilMs: stat.mtimeMs, bytes: stat.size }] : [];
      });
  }

  #fileOf(planId: string): string {
    if (!ID.test(planId)) throw new FleetError('PLAN_UNKNOWN', 'The plan ID is invalid.', { planId });
    return path.join(this.#directory, planId);
  }
}

/** Until when a plan waits to be started: as asked, within MAX_WAIT_MS. Both times by the same clock. */
export function expiryOf(askedMs: number, nowMs: number): number {
  return Math.min(Math.max(askedMs, nowMs), nowMs + MAX_WAIT_MS);
}

function summarise(chunks: Iterable<Buffer>): Pick<FrozenPlan, 'expiresAtMs' | 'digest' | 'count' | 'stale' | 'refused'> {
  const { expiresAtMs, refused, messages } = readPlan(chunks);
  const hash = createHash('sha256');
  let [count, stale] = [0, 0];
  for (const flow of messages) {
    hash.update(wireDigestBytes(flow));
    count++;
    if (isStale(flow)) stale++;
  }
  if (refused) hash.update(refusedBytes(refused));
  return { expiresAtMs, refused, digest: hash.digest(), count, stale };
}

function noRoom(what: string): FleetError {
  return new FleetError(
    'RATE_LIMITED',
    `This gateway keeps ${what} and has no room for more. Plans are removed when they expire or can no longer be undone: wait some minutes, or narrow the filter.`,
  );
}
