import type { SortField } from '../../proto/model/sort.ts';
import { protocolName } from '../../proto/model/protocol.ts';
import { idleOf, stateOf, type Surroundings } from './compile.ts';
import type { RawEntry } from './wire/raw-entry.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** What sortValue of proto/model/sort.ts says of the flow, from the entry's bytes. */
export function rawSortValue(field: SortField, { timeouts, wans }: Surroundings): (entry: RawEntry) => number | string | undefined {
  switch (field) {
    case 'id': return (entry) => entry.id;
    case 'proto': return (entry) => protocolName(entry.proto);
    case 'state': return stateOf;
    case 'src': return (entry) => addressOrder(entry, entry.orig.src);
    case 'dst': return (entry) => addressOrder(entry, entry.orig.dst);
    case 'nat': return (entry) => addressOrder(entry, entry.reply.dst);
    case 'sport': return (entry) => present(entry.orig.sport);
    case 'dport': return (entry) => present(entry.orig.dport);
    case 'wan': return (entry) => wans.ofEntry(entry);
    case 'age': return (entry) => {
      const startedAtMs = entry.startedAtMs();
      return startedAtMs === undefined ? undefined : -startedAtMs;
    };
    case 'idle': return (entry) => idleOf(entry, timeouts);
    case 'timeout': return (entry) => present(entry.timeout);
    case 'bytes': return (entry) => counted(entry.totalBytes());
    case 'packets': return (entry) => counted(entry.totalPackets());
    case 'mark': return (entry) => entry.mark;
  }
}

function addressOrder({ family, bytes }: RawEntry, at: number): string {
  let text = family === 4 ? '4' : '6';
  for (let i = 0; i < (family === 4 ? 4 : 16); i++) text += HEX[bytes[at + i]!];
  return text;
}

function present(value: number): number | undefined {
  return value < 0 ? undefined : value;
}

function counted(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
