import type { z } from 'zod';
import type { Gateway, wan } from '../../proto/http/fleet.ts';
import { whyNotKnown } from '../../proto/model/filter/abilities.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { RECENT_MS, type Usage } from '../history/sample-row.ts';
import { reconnectingUntil, sessionState, type RegisteredSession } from '../link/session-state.ts';
import { SILENCE_MS } from '../link/session.ts';
import { toWanEventHead, type WanEventRow } from './wan-event-view.ts';

/** A gateway's row with its joined rows. */
export interface GatewayRow {
  id: string;
  tenantId: string;
  siteId: string;
  name: string;
  tags: string[];
  createdAt: Date;
  revokedAt: Date | null;
  agentVersion: string | null;
  kernel: string | null;
  tableKind: string | null;
  capabilities: unknown;
  wans: unknown;
  guard: unknown;
  setAsideAt: Date | null;
  setAsideReason: string | null;
  certificateGeneration: number;
  certificateEndsAt: Date | null;
  tenant: { name: string };
  site: { name: string };
  link: ({ replicaId: string; epoch: bigint } & RegisteredSession) | null;
  wanEvents: WanEventRow[];
}

/** A gateway's row, and what is known of its last minutes. */
export interface GatewayReading {
  row: GatewayRow;
  usage: Usage | undefined;
}

type LinkState = Pick<Gateway, 'state'> & { since: Date };

/** The state of a gateway's link, and since when. An offline gateway has been offline since it was last heard from. */
export function linkState(row: Pick<GatewayRow, 'createdAt' | 'revokedAt' | 'setAsideAt' | 'link'>, nowMs: number): LinkState {
  if (row.revokedAt) return { state: 'revoked', since: row.revokedAt };
  if (row.setAsideAt) return { state: 'set-aside', since: row.setAsideAt };
  if (!row.link) return { state: 'never-connected', since: row.createdAt };
  return sessionState(row.link, nowMs);
}

/** When a gateway with a session goes silent, or went, if nothing more is heard from it; undefined without a session. */
export function silentAt({ revokedAt, setAsideAt, link }: Pick<GatewayRow, 'revokedAt' | 'setAsideAt' | 'link'>): number | undefined {
  return link && !link.closedAt && !revokedAt && !setAsideAt ? link.lastHeardAt.getTime() + SILENCE_MS : undefined;
}

/** Why a connected agent cannot see its table, as it reported; undefined if it can. */
export function tableErrorOf({ capabilities }: Pick<GatewayRow, 'capabilities'>): string | undefined {
  return (capabilities as { tableError?: string } | null)?.tableError;
}

/** Why a gateway cannot be asked for flows now, for people; undefined if it can. */
export function whyUnseen(
  row: Pick<GatewayRow, 'createdAt' | 'revokedAt' | 'setAsideAt' | 'link' | 'capabilities'>,
  nowMs: number,
): { state: 'offline' | 'failed'; reason: string } | undefined {
  const state = linkState(row, nowMs);
  if (state.state !== 'online') return { state: 'offline', reason: offlineReason(state) };
  const tableError = tableErrorOf(row);
  return tableError === undefined ? undefined : { state: 'failed', reason: `cannot see its table: ${tableError}` };
}

/** Why a gateway cannot be asked with this filter: a filter that its agent does not fully understand is never sent to it. */
export function whyFilterUnknown({ capabilities }: Pick<GatewayRow, 'capabilities'>, filter: FlowFilter): string | undefined {
  return whyNotKnown(filter, toCapabilities(capabilities)?.can ?? []);
}

/** Whether its agent said that it can do something; if not, why, as far as it said. */
export function abilityOf({ capabilities }: Pick<GatewayRow, 'capabilities'>, ability: string): { can: boolean; why?: string } {
  const { can = [], cannot = {} } = toCapabilities(capabilities) ?? {};
  return { can: can.includes(ability), why: Object.hasOwn(cannot, ability) ? cannot[ability] : undefined };
}

/** Why a gateway that is not online cannot answer, for people. */
export function offlineReason({ state, since }: LinkState): string {
  const time = `${since.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (state === 'revoked') return `revoked at ${time}`;
  if (state === 'reconnecting') return `reconnecting since ${time}: the controller that held its link has stopped`;
  if (state === 'set-aside') return `set aside since ${time}: two agents hold its identity`;
  return state === 'never-connected' ? 'has never connected' : `offline since ${time}`;
}

/** How long certificates live, and how long after their end they can be renewed, in milliseconds. */
export interface CertificateLives {
  certificateMs: number;
  renewableMs: number;
}

/** Agents renew when between a half and six tenths of the life have passed; three quarters leave time for many attempts. */
const OVERDUE = 0.75;

/** When a certificate that ends then should have been replaced. */
export function overdueAt(endsAt: Date, certificateMs: number): number {
  return endsAt.getTime() - certificateMs * (1 - OVERDUE);
}

/** The first time after now at which the view changes although its row and its newest sample stay the same. */
export function viewChangesAt(row: GatewayRow, newest: Usage | undefined, lives: CertificateLives, nowMs: number): number | undefined {
  const times = [
    silentAt(row),
    row.link && reconnectingUntil(row.link),
    row.certificateEndsAt && overdueAt(row.certificateEndsAt, lives.certificateMs),
    newest && Date.parse(newest.at) + RECENT_MS,
  ].flatMap((time) => (typeof time === 'number' && time >= nowMs ? [time + 1] : []));
  return times.length > 0 ? Math.min(...times) : undefined;
}

function toCertificate(
  { certificateGeneration: generation, certificateEndsAt: endsAt }: GatewayRow,
  { certificateMs, renewableMs }: CertificateLives,
  nowMs: number,
): Gateway['certificate'] {
  return (
    (endsAt && {
      generation,
      endsAt: endsAt.toISOString(),
      renewableUntil: new Date(endsAt.getTime() + renewableMs).toISOString(),
      isOverdue: nowMs > overdueAt(endsAt, certificateMs),
    }) ??
    undefined
  );
}

/** The gateway as the API shows it. */
export function toGatewayView(row: GatewayRow, newest: Usage | undefined, lives: CertificateLives, nowMs: number): Gateway {
  const { state, since } = linkState(row, nowMs);
  const tableError = state === 'online' ? tableErrorOf(row) : undefined;
  // Old numbers would look like current ones.
  const usage = tableError === undefined && newest && Date.parse(newest.at) >= nowMs - RECENT_MS ? newest : undefined;
  return {
    id: row.id,
    tenantId: row.tenantId,
    tenantName: row.tenant.name,
    siteId: row.siteId,
    siteName: row.site.name,
    name: row.name,
    tags: row.tags,
    state,
    since: since.toISOString(),
    setAsideReason: state === 'set-aside' ? (row.setAsideReason ?? undefined) : undefined,
    certificate: toCertificate(row, lives, nowMs),
    agentVersion: row.agentVersion ?? undefined,
    kernel: row.kernel ?? undefined,
    tableKind: (row.tableKind as Gateway['tableKind'] | null) ?? undefined,
    capabilities: toCapabilities(row.capabilities),
    tableError,
    wans: (row.wans as z.output<typeof wan>[]).map((link) => ({ ...link, flows: usage?.byWan?.[link.name] })),
    guard: (row.guard as Gateway['guard'] | null) ?? undefined,
    usage,
    wanEvents: row.wanEvents.map((event) => toWanEventHead(event, row)),
  };
}

function toCapabilities(stored: unknown): Gateway['capabilities'] {
  const { can, cannot } = (stored as NonNullable<Gateway['capabilities']> | null) ?? {};
  return can && cannot && { can, cannot };
}
