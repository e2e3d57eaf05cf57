import type { Flow, FlowKey } from '../../proto/model/flow.ts';
import { compileFilter, type Predicate, type Surroundings } from './compile.ts';
import { labelTexts } from './labels.ts';
import type { FlowContext } from './table.ts';
import { fullTimeout, idleSeconds } from './timeouts.ts';
import { decodeEntry, type Entry } from './wire/entry.ts';
import { RawEntry, startOf } from './wire/raw-entry.ts';

/** Finds the entry that now has an original tuple and zone. */
export type FindEntry = (key: Omit<FlowKey, 'id'>) => Entry | undefined;

/** Turns entries into flows: names of labels, idle time, WAN, the reason that protects it, the id of its master. */
export class Describer {
  readonly #surroundings: Surroundings;
  readonly #protections: { reason: string; matches: Predicate }[];
  readonly #find: FindEntry;
  readonly #raw = new RawEntry();

  /** Throws FILTER_UNSUPPORTED if a protection cannot be evaluated here; a protection is never left out. */
  constructor(surroundings: Surroundings, protections: FlowContext['protections'], find: FindEntry) {
    this.#surroundings = surroundings;
    this.#protections = protections.map(({ reason, filter }) => ({ reason, matches: compileFilter(filter, surroundings) }));
    this.#find = find;
  }

  /** The flow of a CT_NEW body. Throws DecodeError. */
  flow(body: Uint8Array): Flow {
    const { timeouts, labels, wans } = this.#surroundings;
    const { tcpFlags, startedAtNs, labels: labelBits, master, ...entry } = decodeEntry(body);
    this.#raw.read(body, 0, body.length);
    return {
      ...entry,
      labels: labelBits ? labelTexts(labelBits, labels) : [],
      idleSeconds: idleSeconds(fullTimeout({ proto: entry.proto, state: entry.state, status: entry.status, tcpFlags: tcpFlags ?? 0 }, timeouts), entry.timeoutSeconds),
      startedAtMs: startedAtNs === undefined ? undefined : startOf(startedAtNs),
      // A flow and its master are in the same zone: expectations are looked up by it (nf_conntrack_expect.c).
      master: master && this.#masterKey({ family: entry.family, proto: master.proto, orig: master.tuple, zone: entry.zone }),
      wan: wans.of(entry),
      protectedBy: this.#protections.find(({ matches }) => matches(this.#raw))?.reason,
    };
  }

  /** The kernel tells a master's tuple only. One that is no longer in the table has no id to name it by. */
  #masterKey(key: Omit<FlowKey, 'id'>): FlowKey | undefined {
    const entry = this.#find(key);
    return entry && { ...key, id: entry.id };
  }
}
