import type { Gateway } from '../../../proto/http/fleet.ts';
import { STATUS_WORDS } from '../../../proto/model/status.ts';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { count, counted, lasting, percent, short } from '../../../client/words/format.ts';
import { countedFaults, faultClause, wanFault, type WanFault } from '../../../client/words/wan-words.ts';
import type { StateKind } from '../../../client/words/state-kind.ts';
import type { PlanRequest } from '../../../client/words/plan-words.ts';

/**
 * Why a gateway needs attention: its table fills up, it drops packets, flows are stuck on a WAN that cannot carry them, it is silent, it
 * cannot read its table, its certificate is about to end, or two agents hold its identity.
 */
export interface Need {
  gateway: Gateway;
  why: 'filling' | 'full' | 'drops' | 'stranded' | 'offline' | 'blind' | 'certificate' | 'set-aside';
  kind: StateKind;
  word: string;
  /** How soon, or how many. */
  measure: string;
  /** How many flows are stuck; absent if none are. */
  flows?: number;
  /** The rate, or since when. */
  pace: string;
  evidence: string;
  /** Where it leads; `ends` requests a plan of exactly those flows instead of going there. */
  action: { text: string; path: string; ends?: { filter: string; flows: number; reason: string } };
  /** The fault of the flows' WAN, if that is all that is known of them. */
  fault?: WanFault;
}

/**
 * The flows that a gateway counts as stale and that are still trying, and the WANs whose addresses they have, most flows first, as far as
 * known.
 */
export interface Stale {
  flows: number;
  wans: string[];
}

/** By gateway; absent means unknown. */
export type StaleCounts = ReadonlyMap<string, Stale>;

/**
 * The filter for stale flows that are still trying, used for the count and the plan alike. A flow that both ends have closed expires by
 * itself and needs no attention.
 */
export const TRYING = 'stale:yes -state:time-wait,close';

/** WANs that flows may be stuck on: those that are down or without the default route, which includes a healthy standby. */
export function suspectWans({ wans }: Gateway): Gateway['wans'] {
  return wans.length < 2 ? [] : wans.filter((wan) => (wanFault(wan) !== undefined || wan.carriesDefaultRoute === false) && wan.flows !== 0);
}

/** Share of its limit from which a table is listed even without a projection. */
const CRITICAL_SHARE = 0.9;
/**
 * A table is filling if it will be full within the hour, or is half full already and will be full within a day. A rate over ten minutes
 * says nothing about an empty table's next day.
 */
export function isFilling({ count: entries, max, minutesToFull }: NonNullable<Gateway['usage']>): boolean {
  return minutesToFull !== undefined && (minutesToFull <= 60 || (max !== undefined && entries >= max / 2 && minutesToFull <= 24 * 60));
}

const RANK: Need['why'][] = ['set-aside', 'full', 'filling', 'stranded', 'drops', 'blind', 'certificate', 'offline'];

/**
 * All gateways that need attention: set aside, which does not resolve by itself, then by minutes to full, then stale flows, then packet
 * drops, then certificates by their end, then silence by age. One row per gateway, with the first reason that applies.
 */
export function needsOf(gateways: Gateway[], nowMs: number, stale: StaleCounts = new Map()): Need[] {
  return gateways
    .flatMap((gateway) => needOf(gateway, nowMs, stale.get(gateway.id)) ?? [])
    .toSorted((a, b) => RANK.indexOf(a.why) - RANK.indexOf(b.why) || weight(a) - weight(b) || a.gateway.name.localeCompare(b.gateway.name));
}

/**
 * The first reason why this gateway needs attention. `stale`: what the gateway itself counts as stuck; if unknown, flows on a dead WAN are
 * used instead.
 */
export function needOf(gateway: Gateway, nowMs: number, stale?: Stale): Need | undefined {
  const { usage, id, name } = gateway;
  const open = { text: 'Open gateway', path: `/gateways/${id}` };
  if (gateway.state === 'offline') {
    return {
      gateway,
      why: 'offline',
      kind: 'offline',
      word: 'Offline',
      measure: lasting((nowMs - Date.parse(gateway.since)) / 1000),
      pace: 'no samples',
      evidence: usage ? `Silent; the last sample was ${used(gateway) ?? count(usage.count)} full` : 'Silent, and never sent a sample',
      action: open,
    };
  }
  if (gateway.state === 'set-aside') {
    return {
      gateway,
      why: 'set-aside',
      kind: 'failed',
      word: 'Set aside',
      measure: lasting((nowMs - Date.parse(gateway.since)) / 1000),
      pace: 'nothing taken or sent',
      evidence: 'Two agents hold its identity; one may be a clone',
      action: { ...open, text: 'Decide' },
    };
  }
  if (gateway.state === 'online' && gateway.tableError !== undefined)
    return {
      gateway,
      why: 'blind',
      kind: 'failed',
      word: 'No table',
      measure: 'not known',
      pace: 'no samples',
      evidence: gateway.tableError,
      action: open,
    };
  if (gateway.state !== 'online' || !usage) return certificateNeed(gateway, nowMs);
  const share = usage.max ? usage.count / usage.max : 0;
  if (usage.max && (usage.count >= usage.max || (share >= CRITICAL_SHARE && usage.minutesToFull === undefined))) {
    return {
      gateway,
      why: 'full',
      kind: 'full',
      word: share >= 1 ? 'Full' : 'Nearly full',
      measure: percent(usage.count, usage.max),
      pace: pace(usage.perMinute),
      evidence: cause(gateway),
      action: review(gateway),
    };
  }
  if (isFilling(usage)) {
    return {
      gateway,
      why: 'filling',
      kind: 'filling',
      word: 'Filling up',
      measure: lasting(usage.minutesToFull! * 60),
      pace: pace(usage.perMinute),
      evidence: cause(gateway),
      action: review(gateway),
    };
  }
  const dead = gateway.wans.find((wan) => wanFault(wan) !== undefined && (wan.flows ?? 0) > 0);
  if (stale === undefined && dead) {
    return {
      gateway,
      why: 'stranded',
      kind: 'critical',
      word: 'Stranded',
      measure: counted(dead.flows!, 'flow'),
      flows: dead.flows,
      pace: `on ${dead.name}`,
      fault: wanFault(dead),
      evidence: `${dead.name} is ${wanFault(dead)}, and flows still use its address`,
      action: { text: `Review ${counted(dead.flows!, 'flow')}`, path: connectionsPath(`wan:${dead.name}`, id) },
    };
  }
  if (stale && stale.flows > 0) {
    const { flows, wans } = stale;
    const wan = wans.length > 0 ? wans.join(' and ') : undefined;
    return {
      gateway,
      why: 'stranded',
      kind: 'critical',
      word: 'Stale',
      measure: counted(flows, 'flow'),
      flows,
      pace: wan ? `on ${wan}` : 'another way',
      evidence: wan
        ? `${wans.length === 1 ? 'An address' : 'Addresses'} of ${wan} ${wans.length === 1 ? 'brings' : 'bring'} no answer`
        : 'Their address brings no answer',
      action: {
        text: `End ${counted(flows, 'stale flow')}`,
        path: connectionsPath(TRYING, id),
        ends: { filter: TRYING, flows, reason: `Flows are stuck${wan ? ` on ${wan}` : ''} at ${gateway.siteName} after a failover` },
      },
    };
  }
  const lost = usage.lost ?? 0;
  if (lost > 0) {
    const counters = [usage.drops && `drop +${count(usage.drops)}`, usage.insertFailed && `insert_failed +${count(usage.insertFailed)}`]
      .filter(Boolean)
      .join(', ');
    return {
      gateway,
      why: 'drops',
      kind: 'drops',
      word: 'Packet drops',
      measure: counted(lost, 'packet'),
      pace: '10 min',
      evidence: `${counters} on ${name}`,
      action: open,
    };
  }
  return certificateNeed(gateway, nowMs);
}

/** A certificate that its agent should have renewed by now. */
function certificateNeed(gateway: Gateway, nowMs: number): Need | undefined {
  const { certificate, id, name } = gateway;
  if (gateway.state !== 'online' || !certificate?.isOverdue) return undefined;
  const leftMs = Date.parse(certificate.endsAt) - nowMs;
  return {
    gateway,
    why: 'certificate',
    kind: leftMs <= 0 ? 'failed' : 'warn',
    word: 'Certificate',
    measure: leftMs <= 0 ? 'ended' : lasting(leftMs / 1000),
    pace: leftMs <= 0 ? 'no session' : 'until it ends',
    evidence: `${name} has not renewed its certificate; its log says why`,
    action: { text: 'Open gateway', path: `/gateways/${id}` },
  };
}

/** Where flows are stuck: the gateway and its WAN, or how many gateways. */
export function strandedWords(stranded: Need[]): string {
  const [first] = stranded;
  if (!first) return 'nowhere';
  return stranded.length === 1
    ? `${first.pace} at ${first.gateway.name}`
    : `on ${counted(stranded.length, 'gateway')}, most at ${first.gateway.name}`;
}

/** Which flows are stuck on one gateway: those that it counts as still trying, or all that still use a dead WAN's address. */
export function strandedSentence({ measure, pace, action }: Need): string {
  return `${measure} still ${action.ends ? 'trying ' : ''}${pace}`;
}

/** The plan request of this need's remedy; undefined if the remedy is not a plan. */
export function endRequest({ gateway, action: { ends } }: Need): PlanRequest | undefined {
  return ends && { what: { filter: ends.filter }, scope: { gateways: [gateway.id] }, expected: ends.flows, reason: ends.reason };
}

/** The page's answer: the first gateway that needs attention and why, or that none does. */
export function overviewSentence(needs: Need[], gateways: Gateway[]): string {
  const [first] = needs;
  if (gateways.length === 0) return 'No gateway is enrolled yet';
  if (first) {
    switch (first.why) {
      case 'full':
        return `${first.gateway.name} needs you first: its table is ${first.measure} full`;
      case 'filling':
        return `${first.gateway.name} needs you first: full in about ${first.measure}`;
      case 'stranded':
        return `${first.gateway.name} needs you first: ${strandedSentence(first)}${first.fault ? `, ${faultClause(first.fault)}` : ''}`;
      case 'drops':
        return `${first.gateway.name} needs you first: ${first.measure} in ten minutes`;
      case 'set-aside':
        return `${first.gateway.name} needs you first: two agents hold its identity`;
      case 'certificate':
        return `${first.gateway.name} needs you first: its certificate ${first.kind === 'failed' ? 'has ended' : `ends in ${first.measure}`}`;
      case 'blind':
        return `${first.gateway.name} needs you first: it cannot see its table`;
      case 'offline':
        return `${first.gateway.name} needs you first: silent for ${first.measure}`;
    }
  }
  const up = gateways.filter(({ state }) => state === 'online');
  const most = Math.max(0, ...up.map(({ usage }) => (usage?.max ? usage.count / usage.max : 0)));
  const faults = countedFaults(gateways.flatMap(({ wans }) => wans));
  return `${faults !== undefined ? `Nothing is stuck, ${faults}` : 'Quiet'}: ${up.length} of ${counted(gateways.length, 'gateway')} up, none above ${Math.max(10, Math.ceil(most * 10) * 10)} %`;
}

/** `84 %` of its limit; undefined while unknown. */
export function used({ usage }: Gateway): string | undefined {
  return usage?.max ? percent(usage.count, usage.max) : undefined;
}

/** What fills the table, in words: the largest state or protocol and the largest source. */
export function cause({ usage }: Gateway): string {
  if (!usage) return 'not known';
  const [state, flows] = Object.entries(usage.byState ?? usage.byProto ?? {}).toSorted(([, a], [, b]) => b - a)[0] ?? [];
  const top = usage.topSources?.[0];
  const parts = [
    state !== undefined && flows !== undefined && `${percent(flows, usage.count)} ${state}`,
    top && `most from ${top.address}`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : usage.max ? `Limit ${count(usage.max)}` : 'not known';
}

function review({ id, usage }: Gateway): Need['action'] {
  const [state, flows] = Object.entries(usage?.byState ?? {}).toSorted(([, a], [, b]) => b - a)[0] ?? [];
  if (state === undefined || flows === undefined) return { text: 'Review flows', path: connectionsPath('', id) };
  return { text: `Review ${counted(flows, 'flow')}`, path: connectionsPath(stateTerm(state), id) };
}

/** The filter for one part of a breakdown by state: protocols without states are counted by status words. */
export function stateTerm(word: string): string {
  return STATUS_WORDS.includes(word) ? `status:${word}` : `state:${word.toLowerCase().replaceAll('_', '-')}`;
}

function pace(perMinute: number | undefined): string {
  return perMinute === undefined ? 'rate not known' : `${perMinute < 0 ? '−' : '+'}${short(Math.abs(perMinute))}/min`;
}

function weight({ why, gateway, flows }: Need): number {
  switch (why) {
    case 'filling':
      return gateway.usage!.minutesToFull!;
    case 'full':
      return -gateway.usage!.count / gateway.usage!.max!;
    case 'stranded':
      return -flows!;
    case 'drops':
      return -(gateway.usage!.lost ?? 0);
    case 'certificate':
      return Date.parse(gateway.certificate!.endsAt);
    case 'set-aside':
    case 'blind':
    case 'offline':
      return Date.parse(gateway.since);
  }
}
