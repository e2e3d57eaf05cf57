import { createHash, type Hash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import path from 'node:path';
import { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import { digestBytes } from '../../proto/model/digest.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { fromWireFlow, toWireFlow } from '../../proto/model/wire.ts';

/** A plan as it was frozen on this gateway. */
export interface FrozenPlan { planId: string; expiresAtMs: number; digest: Buffer; flows: Flow[] }

/** A plan being written: flows in their order, then its digest. */
export interface PlanWriter {
  add(flow: Flow): void;
  /** Puts the plan in place and gives its digest: SHA-256 over digestBytes of every flow. */
  finish(): Buffer;
  discard(): void;
}

/** How long a plan is kept after it can no longer be started, for a command that was accepted in time and repeated after a crash. */
const KEPT_MS = 60 * 60_000;

/** Frozen plans on disk, so that what runs is what was shown even after a restart. A file is a line of JSON and then length-framed flows. */
export class PlanStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = path.join(directory, 'plans');
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  begin(planId: string, expiresAtMs: number): PlanWriter {
    const file = this.#fileOf(planId);
    const unfinished = `${file}.part`;
    const fd = openSync(unfinished, 'w', 0o600);
    const hash: Hash = createHash('sha256');
    let buffered: Buffer[] = [Buffer.from(`${JSON.stringify({ planId, expiresAtMs })}\n`)];
    let bufferedBytes = 0;
    const flush = () => {
      if (buffered.length > 0) writeSync(fd, Buffer.concat(buffered));
      [buffered, bufferedBytes] = [[], 0];
    };
    return {
      add: (flow) => {
        hash.update(digestBytes(flow));
        const bytes = WireFlow.encode(toWireFlow(flow)).finish();
        const length = Buffer.alloc(4);
        length.writeUInt32BE(bytes.length);
        buffered.push(length, Buffer.from(bytes));
        bufferedBytes += bytes.length;
        if (bufferedBytes > 1 << 20) flush();
      },
      finish: () => {
        flush();
        fsyncSync(fd);
        closeSync(fd);
        renameSync(unfinished, file);
        return hash.digest();
      },
      discard: () => {
        closeSync(fd);
        rmSync(unfinished, { force: true });
      },
    };
  }

  /** Throws PLAN_UNKNOWN if it was never frozen here or is long over. The digest is taken anew from what is on disk. */
  load(planId: string): FrozenPlan {
    const file = this.#fileOf(planId);
    if (!existsSync(file)) throw new FleetError('PLAN_UNKNOWN', 'This gateway does not hold the plan; make a new one.', { planId });
    const bytes = readFileSync(file);
    const headEnd = bytes.indexOf(10);
    const { expiresAtMs } = JSON.parse(bytes.subarray(0, headEnd).toString('utf8')) as { expiresAtMs: number };
    const hash = createHash('sha256');
    const flows: Flow[] = [];
    for (let offset = headEnd + 1; offset < bytes.length;) {
      const length = bytes.readUInt32BE(offset);
      const flow = fromWireFlow(WireFlow.decode(bytes.subarray(offset + 4, offset + 4 + length)));
      hash.update(digestBytes(flow));
      flows.push(flow);
      offset += 4 + length;
    }
    return { planId, expiresAtMs, digest: hash.digest(), flows };
  }

  remove(planId: string): void {
    rmSync(this.#fileOf(planId), { force: true });
  }

  /** Keeps a plan that has run for as long as it may be undone: its file's time then lies ahead. */
  keepUntil(planId: string, untilMs: number): void {
    utimesSync(this.#fileOf(planId), untilMs / 1000, untilMs / 1000);
  }

  /** Forgets plans that are long over. */
  sweep(nowMs: number): void {
    for (const name of readdirSync(this.#directory)) {
      const file = path.join(this.#directory, name);
      if (statSync(file).mtimeMs + KEPT_MS < nowMs) rmSync(file, { force: true });
    }
  }

  #fileOf(planId: string): string {
    if (!/^[0-9a-f-]{1,64}$/.test(planId)) throw new FleetError('PLAN_UNKNOWN', 'The id of the plan is not one.', { planId });
    return path.join(this.#directory, planId);
  }
}
