import path from 'node:path';
import { WanEvent } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import type { Disk } from '../disk/disk.ts';

/** Most records on disk; beyond it the oldest that are over are dropped, so that a gateway without a controller does not fill its disk. */
export const MAX_KEPT = 200;

/** Records of failovers on disk, a file each, from their beginning until the controller has their end. */
export class WanEventStore {
  readonly #folder: string;
  readonly #disk: Disk;

  constructor(stateDir: string, disk: Disk) {
    this.#folder = path.join(stateDir, 'wan-events');
    this.#disk = disk;
    disk.removeUnfinished(this.#folder);
  }

  /** Oldest first: their ids increase with time. */
  load(): WanEvent[] {
    return this.#disk
      .names(this.#folder)
      .flatMap((name) => this.#disk.read(path.join(this.#folder, name), (bytes) => WanEvent.decode(bytes)) ?? []);
  }

  /** A record that cannot be written lives on in memory. */
  keep(event: WanEvent): void {
    const file = path.join(this.#folder, event.id);
    try {
      this.#disk.write(file, WanEvent.encode(event).finish());
    } catch (error) {
      this.#disk.tell('a WAN event could not be saved', file, error);
    }
  }

  forget(id: string): void {
    this.#disk.remove(path.join(this.#folder, id));
  }
}
