import type { Gateway } from '../../../proto/http/fleet.ts';
import { attentionOf, byUrgency, deadWan, type Attention } from '../../../proto/model/attention.ts';
import type { FleetFigures } from '../../../proto/model/fleet-figures.ts';
import { STATUS_WORDS } from '../../../proto/model/status.ts';
import { wanEventSentence } from '../../../proto/model/wan-event.ts';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { count, counted, lasting, percent, short } from '../../../client/words/format.ts';
import { countedFaults, faultClause } from '../../../client/words/wan-words.ts';
import { wanFault, type WanFault } from '../../../proto/model/wan-fault.ts';
import type { StateKind } from '../../../client/words/state-kind.ts';
import type { PlanRequest } from '../../../client/words/plan-words.ts';

/** Why a gateway needs attention (proto/model/attention.ts), in words. */
export interface Need extends Attention {
  gateway: Gateway;
  kind: StateKind;
  word: string;
  /** How soon, or how many. */
  measure: string;
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

/** All gateways that need attention, most urgent first: one row per gateway, with the first reason that applies. */
export function needsOf(gateways: Gateway[], nowMs: number, stale: StaleCounts = new Map()): Need[] {
  return gateways
    .flatMap((gateway) => needOf(gateway, nowMs, stale.get(gateway.id)) ?? [])
    .toSorted((a, b) => byUrgency({ ...a, name: a.gateway.name }, { ...b, name: b.gateway.name }));
}

/**
 * The first reason why this gateway needs attention. `stale`: what the gateway itself counts as stuck; if unknown, flows on a dead WAN are
 * used instead.
 */
export function needOf(gateway: Gateway, nowMs: number, stale?: Stale): Need | undefined {
  const attention = attentionOf(gateway, stale?.flows);
  return attention && { gateway, ...attention, ...wordsOf(gateway, attention, nowMs, stale) };
}

type Words = Omit<Need, 'gateway' | keyof Attention>;

function wordsOf(gateway: Gateway, { why, flows = 0 }: Attention, nowMs: number, stale: Stale | undefined): Words {
  const { usage, id, name } = gateway;
  const open = { text: 'Open gateway', path: `/gateways/${id}` };
  const silence = lasting((nowMs - Date.parse(gateway.since)) / 1000);
  switch (why) {
    case 'offline':
      return {
        kind: 'offline',
        word: WHY_WORDS.offline,
        measure: silence,
        pace: 'no samples',
        evidence: usage ? `Silent; the last sample was ${used(gateway) ?? count(usage.count)} full` : 'Silent, and never sent a sample',
        action: open,
      };
    case 'set-aside':
      return {
        kind: 'failed',
        word: WHY_WORDS['set-aside'],
        measure: silence,
        pace: 'nothing taken or sent',
        evidence: 'Two agents hold its identity; one may be a clone',
        action: { ...open, text: 'Decide' },
      };
    case 'blind':
      return {
        kind: 'failed',
        word: WHY_WORDS.blind,
        measure: 'not known',
        pace: 'no samples',
        evidence: gateway.tableError!,
        action: open,
      };
    case 'full':
      return {
        kind: 'full',
        word: usage!.count >= usage!.max! ? 'Full' : 'Nearly full',
        measure: percent(usage!.count, usage!.max!),
        pace: pace(usage!.perMinute),
        evidence: cause(gateway),
        action: review(gateway),
      };
    case 'filling':
      return {
        kind: 'filling',
        word: WHY_WORDS.filling,
        measure: lasting(usage!.minutesToFull! * 60),
        pace: pace(usage!.perMinute),
        evidence: cause(gateway),
        action: review(gateway),
      };
    case 'stranded':
      return stale ? staleWords(gateway, stale) : deadWords(gateway, flows);
    case 'drops':
      return {
        kind: 'drops',
        word: WHY_WORDS.drops,
        measure: counted(usage!.lost!, 'packet'),
        pace: '10 min',
        evidence: `${lossWords(usage!)} on ${name}`,
        action: open,
      };
    case 'certificate':
      return certificateWords(gateway, nowMs);
  }
}

/** What a reason is called where a row has no room for more. */
export const WHY_WORDS: Record<Attention['why'], string> = {
  'set-aside': 'Set aside',
  full: 'Full',
  filling: 'Filling up',
  stranded: 'Stranded',
  drops: 'Packet drops',
  blind: 'No table',
  certificate: 'Certificate',
  offline: 'Offline',
};

/** Flows that still use the address of a WAN that cannot carry them. */
function deadWords(gateway: Gateway, flows: number): Words {
  const dead = deadWan(gateway)!;
  const fault = wanFault(dead);
  return {
    kind: 'critical',
    word: WHY_WORDS.stranded,
    measure: counted(flows, 'flow'),
    pace: `on ${dead.name}`,
    fault,
    evidence: `${dead.name} is ${fault}, and flows still use its address`,
    action: { text: `Review ${counted(flows, 'flow')}`, path: connectionsPath(`wan:${dead.name}`, gateway.id) },
  };
}

/** Flows that the gateway itself counts as stuck. */
function staleWords(gateway: Gateway, { flows, wans }: Stale): Words {
  const wan = wans.length > 0 ? wans.join(' and ') : undefined;
  return {
    kind: 'critical',
    word: 'Stale',
    measure: counted(flows, 'flow'),
    pace: wan ? `on ${wan}` : 'another way',
    evidence: wan
      ? `${wans.length === 1 ? 'An address' : 'Addresses'} of ${wan} ${wans.length === 1 ? 'brings' : 'bring'} no answer`
      : 'Their address brings no answer',
    action: {
      text: `End ${counted(flows, 'stale flow')}`,
      path: connectionsPath(TRYING, gateway.id),
      ends: { filter: TRYING, flows, reason: `Flows are stuck${wan ? ` on ${wan}` : ''} at ${gateway.siteName} after a failover` },
    },
  };
}

function certificateWords({ certificate, id, name }: Gateway, nowMs: number): Words {
  const leftMs = Date.parse(certificate!.endsAt) - nowMs;
  return {
    kind: leftMs <= 0 ? 'failed' : 'warn',
    word: WHY_WORDS.certificate,
    measure: leftMs <= 0 ? 'ended' : lasting(leftMs / 1000),
    pace: leftMs <= 0 ? 'no session' : 'until it ends',
    evidence: `${name} has not renewed its certificate; its log says why`,
    action: { text: 'Open gateway', path: `/gateways/${id}` },
  };
}

/** Where flows are stuck: the gateway and its WAN, or how many gateways, of which not all need be named. */
export function strandedWords(stranded: Need[], total = stranded.length): string {
  const [first] = stranded;
  if (!first) return 'nowhere';
  return total === 1 ? `${first.pace} at ${first.gateway.name}` : `on ${counted(total, 'gateway')}, most at ${first.gateway.name}`;
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
export function overviewSentence(
  needs: Need[],
  figures: Pick<FleetFigures, 'gateways' | 'states' | 'highestShare' | 'faults'>,
  clock: (at: string) => string = String,
): string {
  const [first] = needs;
  if (figures.gateways === 0) return 'No gateway is enrolled yet';
  if (first) {
    switch (first.why) {
      case 'full':
        return `${first.gateway.name} needs you first: its table is ${first.measure} full`;
      case 'filling':
        return `${first.gateway.name} needs you first: full in about ${first.measure}`;
      case 'stranded':
        if (first.gateway.wanEvents?.[0]) return wanEventSentence(first.gateway.wanEvents[0], clock);
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
  const faults = countedFaults(figures.faults);
  const most = Math.max(10, Math.ceil(figures.highestShare * 10) * 10);
  const up = `${count(figures.states.online)} of ${counted(figures.gateways, 'gateway')} up, none above ${most} %`;
  return `${faults !== undefined ? `Nothing is stuck, ${faults}` : 'Quiet'}: ${up}`;
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

function lossWords({ drops, insertFailed }: NonNullable<Gateway['usage']>): string {
  return [drops && `drop +${count(drops)}`, insertFailed && `insert_failed +${count(insertFailed)}`].filter(Boolean).join(', ');
}
