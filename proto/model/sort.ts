import { parseAddress } from './address.ts';
import type { Flow } from './flow.ts';
import { protocolName } from './protocol.ts';

/** Fields by which rows of a search may be sorted. Unknown values come last in either direction. */
export const SORT_FIELDS = [
  'id',
  'proto',
  'state',
  'src',
  'dst',
  'sport',
  'dport',
  'wan',
  'nat',
  'age',
  'idle',
  'timeout',
  'bytes',
  'packets',
  'mark',
] as const;
export type SortField = (typeof SORT_FIELDS)[number];

export interface Sort {
  field: SortField;
  descending: boolean;
}

/**
 * The value by which a flow is sorted; undefined if unknown. Addresses sort by their bytes, `age` by reversed start time, `idle` by its
 * lower bound if not known exactly.
 */
export function sortValue(flow: Flow, field: SortField): number | string | undefined {
  switch (field) {
    case 'id':
      return flow.id;
    case 'proto':
      return protocolName(flow.proto);
    case 'state':
      return flow.state;
    case 'src':
      return addressOrder(flow.orig.src);
    case 'dst':
      return addressOrder(flow.orig.dst);
    case 'sport':
      return flow.orig.sport;
    case 'dport':
      return flow.orig.dport;
    case 'wan':
      return flow.wan;
    case 'nat':
      return addressOrder(flow.reply.dst);
    case 'age':
      return flow.startedAtMs === undefined ? undefined : -flow.startedAtMs;
    case 'idle':
      return flow.idleSeconds ?? (flow.idleBounds?.atLeast || undefined);
    case 'timeout':
      return flow.timeoutSeconds;
    case 'bytes':
      return flow.origCounters && flow.replyCounters ? Number(flow.origCounters.bytes + flow.replyCounters.bytes) : undefined;
    case 'packets':
      return flow.origCounters && flow.replyCounters ? Number(flow.origCounters.packets + flow.replyCounters.packets) : undefined;
    case 'mark':
      return flow.mark;
  }
}

/** Hex text that sorts like the address's bytes; IPv4 before IPv6. */
export function addressOrder(address: string): string {
  const bytes = parseAddress(address);
  return bytes
    ? `${bytes.length === 4 ? '4' : '6'}${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
    : `9${address}`;
}

/** A row's position in a sorted answer. */
export interface SortKey {
  value: number | string | undefined;
  id: number;
}

/** Negative if `a` comes before `b`. Unknown values last, then by id. */
export function compareSortKeys(a: SortKey, b: SortKey, descending: boolean): number {
  if (a.value !== b.value) {
    if (a.value === undefined) return 1;
    if (b.value === undefined) return -1;
    const order = a.value < b.value ? -1 : 1;
    return descending ? -order : order;
  }
  return a.id - b.id;
}
