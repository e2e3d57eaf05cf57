import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import type { RememberedWan, Wan } from './wans.ts';

const schema = z.array(z.object({ interface: z.string(), addresses: z.array(z.string()) }));

/** WANs and their addresses on disk. A file that cannot be read is as good as none: it is only memory. */
export class WanStore {
  readonly #file: string;
  readonly #onError: (error: unknown) => void;
  #kept = '';

  constructor(directory: string, onError: (error: unknown) => void) {
    this.#file = path.join(directory, 'wans.json');
    this.#onError = onError;
  }

  load(): RememberedWan[] {
    if (!existsSync(this.#file)) return [];
    try {
      return schema.parse(JSON.parse(readFileSync(this.#file, 'utf8'))).map(({ interface: device, addresses }) => ({ interface: device, addresses: addresses.flatMap((text) => parseAddress(text) ?? []) }));
    } catch {
      return [];
    }
  }

  /** Writes what changed, and gives back what it was given. */
  keep(wans: Wan[]): Wan[] {
    const text = JSON.stringify(wans.map(({ interface: device, addresses }) => ({ interface: device, addresses: addresses.map(formatAddress) })));
    if (text === this.#kept) return wans;
    this.#kept = text;
    try {
      writeFileSync(`${this.#file}.next`, text, { mode: 0o600 });
      renameSync(`${this.#file}.next`, this.#file);
    } catch (error) {
      this.#onError(error);
    }
    return wans;
  }
}
