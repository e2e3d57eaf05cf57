import { z } from 'zod';
import type { Gateway, getNeighbours, listGateways } from '../../proto/http/fleet.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { formatCursor, parseCursor } from '../platform/cursor.ts';
import type { Seen } from './fleet-state.ts';
import type { Member } from './member.ts';
import { compareKeys, keyOf, type Order } from './order.ts';

type Query = z.output<typeof listGateways.query>;

const MAX_KEY = 4;
const MAX_TAGS = 500;
const cursorSchema = z.array(z.string()).min(1).max(MAX_KEY);

/** What a list or an overview narrows to. */
export interface Narrowed {
  tenant?: string;
  site?: string;
  gateway?: string;
}

export interface GatewayList {
  items: Gateway[];
  unreadable?: { id: string; reason: string }[];
  cursor?: string;
  total: number;
  tags: string[];
}

/** A page of the gateways that match. Throws INVALID_REQUEST for a cursor of another order. */
export function listOf(seen: Seen, query: Query): GatewayList {
  const after = parseCursor(query.cursor, cursorSchema);
  if (after && after.length !== keyLength(query.order))
    throw new FleetError('INVALID_REQUEST', 'The cursor belongs to another order. Start again without it.', {
      issues: [{ path: 'cursor', message: 'belongs to another order' }],
    });
  const matching = candidates(seen, query).filter(matches(query));
  const from = after ? matching.findIndex((member) => compareKeys(keyOf(query.order, member), after) > 0) : 0;
  const shown = from < 0 ? [] : matching.slice(from, from + query.limit);
  const last = shown.at(-1);
  const isMore = from >= 0 && from + query.limit < matching.length;
  const unreadable = shown.flatMap(({ id, unreadable: reason }) => (reason === undefined ? [] : [{ id, reason }]));
  return {
    items: shown.flatMap(({ gateway }) => gateway ?? []),
    unreadable: unreadable.length > 0 ? unreadable : undefined,
    cursor: isMore && last ? formatCursor(keyOf(query.order, last)) : undefined,
    total: matching.length,
    tags: [...new Set(matching.flatMap(({ gateway }) => gateway?.tags ?? []))].slice(0, MAX_TAGS).toSorted(),
  };
}

/** Where a gateway stands among those of a place. Throws NOT_FOUND if it is not there, or may not be seen. */
export function neighboursOf(seen: Seen, id: string, place: Narrowed): z.output<typeof getNeighbours.response> {
  const list = seen.ordered('place').filter((member) => isAt(member, place));
  const at = list.findIndex((member) => member.id === id);
  if (at < 0) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
  const near = (by: number) => {
    const member = list[(at + by + list.length) % list.length]!;
    return { id: member.id, name: member.name };
  };
  return { number: at + 1, total: list.length, previous: near(-1), next: near(1) };
}

function keyLength(order: Order): number {
  return order === 'name' ? 2 : MAX_KEY;
}

/** Where few are asked for by id, no others are looked at. */
function candidates(seen: Seen, { ids, order }: Query): Member[] {
  if (!ids) return seen.ordered(order);
  return [...new Set(ids)].flatMap((id) => seen.get(id) ?? []).toSorted((a, b) => compareKeys(keyOf(order, a), keyOf(order, b)));
}

function matches({ tenant, site, gateway, state, tag, text, needs }: Query): (member: Member) => boolean {
  const wanted = text?.trim().toLowerCase();
  return (member) =>
    isAt(member, { tenant, site, gateway }) &&
    (needs === undefined || member.attention !== undefined) &&
    (state === undefined || member.gateway?.state === state) &&
    (tag === undefined || (member.gateway?.tags.includes(tag) ?? false)) &&
    (!wanted || textOf(member).includes(wanted));
}

/** Whether a gateway is where a query narrows to. */
export function isAt(member: Member, { tenant, site, gateway }: Narrowed): boolean {
  return (
    (tenant === undefined || member.tenantId === tenant) &&
    (site === undefined || member.siteId === site) &&
    (gateway === undefined || member.id === gateway)
  );
}

function textOf({ tenantName, siteName, name, gateway }: Member): string {
  return `${tenantName} ${siteName} ${name} ${gateway?.tags.join(' ') ?? ''}`.toLowerCase();
}
