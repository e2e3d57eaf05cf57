import { wanFault } from './wan-fault.ts';

/**
 * Why a gateway needs attention: its table fills up, it drops packets, flows are stuck on a WAN that cannot carry them, it is silent, it
 * cannot read its table, its certificate is about to end, or two agents hold its identity. In the order of the list.
 */
export const WHYS = ['set-aside', 'full', 'filling', 'stranded', 'drops', 'blind', 'certificate', 'offline'] as const;
export type Why = (typeof WHYS)[number];

interface Wan {
  name: string;
  isUp?: boolean;
  isAnswering?: boolean;
  carriesDefaultRoute?: boolean;
  flows?: number;
}

/** What is looked at to see whether a gateway needs attention. */
export interface Watched {
  name: string;
  state: 'online' | 'reconnecting' | 'offline' | 'never-connected' | 'revoked' | 'set-aside';
  since: string;
  tableError?: string;
  wans: Wan[];
  usage?: { count: number; max?: number; minutesToFull?: number; lost?: number };
  certificate?: { endsAt: string; isOverdue: boolean };
}

/** The first reason why a gateway needs attention; smaller weights come first among those of one reason. */
export interface Attention {
  why: Why;
  weight: number;
  /** How many flows are stuck; absent if none are. */
  flows?: number;
}

/** Share of its limit from which a table is listed, whatever its rate says of the next day. */
const CRITICAL_SHARE = 0.9;

/**
 * A table is filling if it will be full within the hour, or is half full already and will be full within a day. A rate over ten minutes
 * says nothing about an empty table's next day.
 */
export function isFilling({ count: entries, max, minutesToFull }: NonNullable<Watched['usage']>): boolean {
  return minutesToFull !== undefined && (minutesToFull <= 60 || (max !== undefined && entries >= max / 2 && minutesToFull <= 24 * 60));
}

/** WANs that flows may be stuck on: those that are down or without the default route, which includes a healthy standby. */
export function suspectWans<W extends Wan>({ wans }: { wans: W[] }): W[] {
  return wans.length < 2 ? [] : wans.filter((wan) => (wanFault(wan) !== undefined || wan.carriesDefaultRoute === false) && wan.flows !== 0);
}

/** The first WAN that cannot carry the flows that still use its address. */
export function deadWan<W extends Wan>({ wans }: { wans: W[] }): W | undefined {
  return wans.find((wan) => wanFault(wan) !== undefined && (wan.flows ?? 0) > 0);
}

/**
 * The first reason that applies. `staleFlows`: how many flows the gateway itself counts as stuck; if unknown, flows on a dead WAN are used
 * instead. It does not depend on the time.
 */
export function attentionOf(gateway: Watched, staleFlows?: number): Attention | undefined {
  const { state, usage } = gateway;
  if (state === 'offline' || state === 'set-aside') return { why: state, weight: Date.parse(gateway.since) };
  if (state !== 'online') return undefined;
  if (gateway.tableError !== undefined) return { why: 'blind', weight: Date.parse(gateway.since) };
  if (!usage) return ofCertificate(gateway);
  const share = usage.max ? usage.count / usage.max : 0;
  if (share >= 1) return { why: 'full', weight: -share };
  if (isFilling(usage)) return { why: 'filling', weight: usage.minutesToFull! };
  const stuck = staleFlows ?? deadWan(gateway)?.flows ?? 0;
  if (stuck > 0) return { why: 'stranded', weight: -stuck, flows: stuck };
  if (share >= CRITICAL_SHARE) return { why: 'full', weight: -share };
  const lost = usage.lost ?? 0;
  return lost > 0 ? { why: 'drops', weight: -lost } : ofCertificate(gateway);
}

/** A certificate that its agent should have renewed by now. */
function ofCertificate({ certificate }: Watched): Attention | undefined {
  return certificate?.isOverdue ? { why: 'certificate', weight: Date.parse(certificate.endsAt) } : undefined;
}

interface Ranked extends Pick<Attention, 'why' | 'weight'> {
  name: string;
}

/**
 * Most urgent first: set aside, which does not resolve by itself, then by minutes to full (now, then soon), then stale flows, then nearly
 * full tables, then packet drops, then certificates by their end, then silence by age; by name among equals.
 */
export function byUrgency(a: Ranked, b: Ranked): number {
  return rankOf(a) - rankOf(b) || a.weight - b.weight || a.name.localeCompare(b.name);
}

/** A table that is 90 % full and stays so can wait for one that is full in 20 minutes, and for calls that are silent now. */
function rankOf({ why, weight }: Ranked): number {
  const isFullNow = why === 'full' && weight <= -1;
  return why === 'full' && !isFullNow ? WHYS.indexOf('stranded') + 0.5 : WHYS.indexOf(why);
}
