import type { Gateway } from '../../proto/http/fleet.ts';
import type { Overview, TenantHeat } from '../../proto/http/overview.ts';
import { byUrgency, type Attention } from '../../proto/model/attention.ts';
import { addGateway, noFigures, shareOf } from '../../proto/model/fleet-figures.ts';
import type { Member } from './member.ts';

export const MAX_ROWS = 50;
export const MAX_TENANTS = 100;
/** Beyond so many gateways nobody reads single tiles, and each of them would have to be kept current. */
export const MAX_TILES = 500;
const MAX_UNREADABLE = 20;
/** Where the bands of use begin, in percent; those of which nothing is known have a band of their own, the last. */
const BANDS = [0, 20, 40, 60, 75, 90] as const;
const UNKNOWN = BANDS.length;

/** What an overview says, except how current it is. */
export type OverviewBody = Omit<Overview, 'asOf' | 'isOld'>;

/** What these gateways come to: figures, those that need attention most, and how full tables are by tenant. One pass. */
export function overviewOf(members: Iterable<Member>): OverviewBody {
  const figures = noFigures();
  const sites = new Set<string>();
  const needs: (Member & { gateway: Gateway; attention: Attention })[] = [];
  const suspects: Gateway[] = [];
  const unreadable: { id: string; reason: string }[] = [];
  const tenants = new Map<string, Member[]>();
  for (const member of members) {
    const { id, gateway, attention } = member;
    if (!gateway) {
      if (unreadable.length < MAX_UNREADABLE) unreadable.push({ id, reason: member.unreadable! });
      continue;
    }
    addGateway(figures, gateway, attention);
    sites.add(member.siteId);
    if (attention) needs.push({ ...member, gateway, attention });
    else if (member.isSuspect) suspects.push(gateway);
    const own = tenants.get(member.tenantId);
    if (own) own.push(member);
    else tenants.set(member.tenantId, [member]);
  }
  figures.sites = sites.size;
  const first = needs.toSorted((a, b) => byUrgency({ ...a.attention, name: a.name }, { ...b.attention, name: b.name })).slice(0, MAX_ROWS);
  const hasTiles = figures.gateways <= MAX_TILES;
  const largest = [...tenants].toSorted(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1)).slice(0, MAX_TENANTS);
  return {
    figures,
    rows: [...first.map(({ gateway }) => gateway), ...suspects.slice(0, MAX_ROWS)].map(toRow),
    tenants: largest.map(([id, own]) => heatOf(id, own, hasTiles)),
    otherTenants: tenants.size - largest.length,
    unreadable: unreadable.length > 0 ? unreadable : undefined,
  };
}

/** By gateway as it is now, so that a row of an unchanged gateway is the same object. */
const rows = new WeakMap<Gateway, Gateway>();

/** A gateway without what only its own page shows, most of which never changes. */
export function toRow(gateway: Gateway): Gateway {
  const known = rows.get(gateway);
  if (known) return known;
  const { capabilities: _capabilities, guard: _guard, usage, ...shown } = gateway;
  const row = usage ? { ...shown, usage: toRowUsage(usage) } : shown;
  rows.set(gateway, row);
  return row;
}

function toRowUsage({ cpus: _cpus, translations: _translations, topSources, ...shown }: NonNullable<Gateway['usage']>) {
  return { ...shown, topSources: topSources?.slice(0, 1) };
}

function heatOf(id: string, members: Member[], hasTiles: boolean): TenantHeat {
  const bands = Array.from({ length: UNKNOWN + 1 }, () => 0);
  for (const { gateway } of members) bands[bandOf(percentOf(gateway!))]! += 1;
  return {
    id,
    name: members[0]!.tenantName,
    gateways: members.length,
    bands,
    needs: members.filter(({ attention }) => attention).length,
    ...(hasTiles && { tiles: members.toSorted((a, b) => a.name.localeCompare(b.name)).map(toTile) }),
  };
}

function toTile({ id, name, siteName, gateway, attention }: Member): NonNullable<TenantHeat['tiles']>[number] {
  return { id, name, siteName, state: gateway!.state, percent: percentOf(gateway!), why: attention?.why };
}

function percentOf(gateway: Gateway): number | undefined {
  const share = gateway.state === 'online' ? shareOf(gateway) : undefined;
  return share === undefined ? undefined : Math.floor(share * 100);
}

function bandOf(percent: number | undefined): number {
  return percent === undefined ? UNKNOWN : BANDS.findLastIndex((from) => percent >= from);
}
