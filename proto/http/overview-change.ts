import type { Overview, OverviewChange } from './overview.ts';

/** What differs; everything if there was none before. */
export function changeBetween(before: Overview | undefined, after: Overview): OverviewChange {
  const { asOf, isOld } = after;
  if (!before) return { ...after, unreadable: after.unreadable ?? [], order: idsOf(after.rows), tenantOrder: idsOf(after.tenants) };
  const change: OverviewChange = { asOf, isOld };
  if (!isSame(before.figures, after.figures)) change.figures = after.figures;
  if (before.otherTenants !== after.otherTenants) change.otherTenants = after.otherTenants;
  if (!isSame(before.unreadable, after.unreadable)) change.unreadable = after.unreadable ?? [];
  const rows = changed(before.rows, after.rows);
  if (rows.length > 0) change.rows = rows;
  if (!isSame(idsOf(before.rows), idsOf(after.rows))) change.order = idsOf(after.rows);
  const tenants = changed(before.tenants, after.tenants);
  if (tenants.length > 0) change.tenants = tenants;
  if (!isSame(idsOf(before.tenants), idsOf(after.tenants))) change.tenantOrder = idsOf(after.tenants);
  return change;
}

/** The overview after a change. Undefined if the change is of an overview that was not received: its reader begins again. */
export function withChange(before: Overview | undefined, change: OverviewChange): Overview | undefined {
  const { asOf, isOld } = change;
  const figures = change.figures ?? before?.figures;
  const rows = merged(before?.rows ?? [], change.rows ?? [], change.order);
  const tenants = merged(before?.tenants ?? [], change.tenants ?? [], change.tenantOrder);
  if (!figures || !rows || !tenants) return undefined;
  const unreadable = change.unreadable ?? before?.unreadable;
  return {
    asOf,
    isOld,
    figures,
    rows,
    tenants,
    otherTenants: change.otherTenants ?? before?.otherTenants ?? 0,
    unreadable: unreadable?.length ? unreadable : undefined,
  };
}

/** Whether a change says more than that the time has passed. */
export function saysMore({ asOf: _asOf, isOld: _isOld, ...more }: OverviewChange): boolean {
  return Object.keys(more).length > 0;
}

interface Identified {
  id: string;
}

function idsOf(items: readonly Identified[]): string[] {
  return items.map(({ id }) => id);
}

/** Those that are new or differ. */
function changed<T extends Identified>(before: readonly T[], after: readonly T[]): T[] {
  const known = new Map(before.map((item) => [item.id, item]));
  return after.filter((item) => !isSame(known.get(item.id), item));
}

/** In the order given, or the old one; undefined if one of them is not known. */
function merged<T extends Identified>(before: readonly T[], changes: readonly T[], order: string[] = idsOf(before)): T[] | undefined {
  const known = new Map([...before, ...changes].map((item) => [item.id, item]));
  const items = order.flatMap((id) => known.get(id) ?? []);
  return items.length === order.length ? items : undefined;
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
