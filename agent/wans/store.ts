import path from 'node:path';
import { z } from 'zod';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import { Disk } from '../disk/disk.ts';
import type { RememberedWan, Wan } from './wans.ts';

const schema = z.array(z.object({ interface: z.string(), addresses: z.array(z.string()) }));

/** WANs and their addresses on disk. A file that cannot be read is set aside and counts as missing: it is only a memory. */
export class WanStore {
  readonly #file: string;
  readonly #disk: Disk;
  #kept = '';

  constructor(directory: string, disk: Disk) {
    this.#file = path.join(directory, 'wans.json');
    this.#disk = disk;
  }

  load(): RememberedWan[] {
    return (
      this.#disk.read(this.#file, (bytes) =>
        schema.parse(JSON.parse(bytes.toString('utf8'))).map(({ interface: device, addresses }) => ({
          interface: device,
          addresses: addresses.flatMap((text) => parseAddress(text) ?? []),
        })),
      ) ?? []
    );
  }

  /** Writes changes and returns its argument. A write that fails is reported, and tried again next time. */
  keep(wans: Wan[]): Wan[] {
    const text = JSON.stringify(
      wans.map(({ interface: device, addresses }) => ({ interface: device, addresses: addresses.map(formatAddress) })),
    );
    if (text === this.#kept) return wans;
    try {
      this.#disk.write(this.#file, text);
      this.#kept = text;
    } catch (error) {
      this.#disk.tell('WAN addresses could not be saved', this.#file, error);
    }
    return wans;
  }
}
