import path from 'node:path';
import { z } from 'zod';
import type { Disk } from '../../disk/disk.ts';
import { MAX_OPEN, type DriftBook } from './drift-book.ts';

const text = z.string().max(1000);
const known = z.object({
  path: text,
  wanted: text.optional(),
  actual: text.optional(),
  since: z.number(),
  process: text.optional(),
  isIgnored: z.boolean().optional(),
});
const schema: z.ZodType<DriftBook> = z.object({
  changeId: text,
  setIn: text,
  unset: z.array(text).max(MAX_OPEN).optional(),
  open: z.array(known).max(MAX_OPEN),
  past: z.array(known.extend({ overAt: z.number() })).max(MAX_OPEN),
});

/** The book of drift in the state folder, beside the changes. Losing it loses what was ignored, and since when things differ. */
export class DriftFile {
  readonly #file: string;
  readonly #disk: Disk;

  constructor(stateDir: string, disk: Disk) {
    this.#file = path.join(stateDir, 'policies', 'drift.json');
    this.#disk = disk;
  }

  load(): DriftBook | undefined {
    return this.#disk.read(this.#file, (bytes) => schema.parse(JSON.parse(bytes.toString('utf8'))));
  }

  /** On disk when it returns. A write that fails is reported; what was kept before stays. */
  keep(book: DriftBook): void {
    try {
      this.#disk.write(this.#file, JSON.stringify(book));
    } catch (error) {
      this.#disk.tell('what differs from the policy could not be kept', this.#file, error);
    }
  }
}
