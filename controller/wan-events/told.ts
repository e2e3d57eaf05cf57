import type {
  CameBack as WireCameBack,
  FlowKinds as WireKinds,
  Using,
  WanEvent as WireEvent,
} from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { WanEvent_Sign as Sign, WanEvent_State as State } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { id as idSchema } from '../../proto/http/common.ts';
import type { CameBack } from '../../proto/http/wan-events.ts';
import { formatAddress } from '../../proto/model/address.ts';
import { toPrintable } from '../../proto/model/text.ts';
import { FLOW_KINDS, type FlowKind, type FlowKinds, type WanEventState, type WanSign } from '../../proto/model/wan-event.ts';
import type { WanEventRecord } from '../gateways/wan-event-view.ts';
import { countsFrom, flowsFrom, int32From, textFrom, timeFrom } from '../platform/untrusted.ts';

const MAX_NAME = 100;
const MAX_WORDS = 200;
const MAX_SEEN = 50;
const MAX_IDS = 50;
const MAX_WANS = 50;
const MAX_MISSED = 20;
const MAX_PROTO = 20;
const MAX_PORT = 65_535;

const STATES: Partial<Record<State, WanEventState>> = {
  [State.STATE_SEEN]: 'seen',
  [State.STATE_OPEN]: 'open',
  [State.STATE_BEING_FIXED]: 'being-fixed',
  [State.STATE_HEALED]: 'healed',
  [State.STATE_CLOSED]: 'closed',
  [State.STATE_FLAPPING]: 'flapping',
};
const SIGNS: Partial<Record<Sign, WanSign>> = {
  [Sign.SIGN_LINK]: 'link',
  [Sign.SIGN_CARRIER]: 'carrier',
  [Sign.SIGN_PROBE]: 'probe',
  [Sign.SIGN_ADDRESS]: 'address',
  [Sign.SIGN_ROUTE]: 'route',
  [Sign.SIGN_RECOVERED]: 'recovered',
};

/** A WAN event to be stored. */
export interface ToldEvent {
  id: string;
  revision: number;
  record: WanEventRecord;
  beganAt: Date;
  changedAt: Date;
  closedAt: Date | undefined;
  runIds: string[];
  commandIds: string[];
}

/** What an agent told, made safe to keep and to show; undefined for what has no id, name, state or possible time. */
export function toldEvent(event: WireEvent, nowMs: number): ToldEvent | undefined {
  const [beganAt, changedAt] = [timeFrom(event.beganAtMs, nowMs), timeFrom(event.changedAtMs, nowMs)];
  const state = STATES[event.state];
  const wan = name(event.wan);
  if (!idSchema.safeParse(event.id).success || wan === '' || !state || !beganAt || !changedAt) return undefined;
  const closedAt = state === 'closed' ? (timeFrom(event.closedAtMs, nowMs) ?? changedAt) : undefined;
  const seen = event.seen.slice(0, MAX_SEEN).flatMap(({ atMs, sign, words }) => {
    const at = timeFrom(atMs, nowMs);
    const known = SIGNS[sign];
    return at && known ? [{ at: at.toISOString(), sign: known, words: line(words, MAX_WORDS) }] : [];
  });
  const target = name(event.target);
  return {
    id: event.id,
    revision: int32From(event.revision),
    beganAt,
    changedAt,
    closedAt,
    runIds: idsFrom(event.runIds),
    commandIds: idsFrom(event.commandIds),
    record: {
      state,
      wan,
      interface: name(event.interface),
      ...addressOf('address', event.address),
      failed: seen[0]?.words ?? 'failed',
      seen,
      ...(target !== '' && { target: { wan: target, isHealthy: event.isTargetHealthy } }),
      beganAt: beganAt.toISOString(),
      changedAt: changedAt.toISOString(),
      healedAt: timeFrom(event.healedAtMs, nowMs)?.toISOString(),
      closedAt: closedAt?.toISOString(),
      using: usingFrom(event.using, nowMs),
      atFirst: usingFrom(event.atFirst, nowMs),
      cameBack: event.cameBack && cameBackFrom(event.cameBack, nowMs),
      changesAnHour: int32From(event.changesAnHour),
    },
  };
}

/** The same of what became of flows; undefined without a possible time. */
export function cameBackFrom(told: WireCameBack, nowMs: number): CameBack | undefined {
  const [since, watchedAt] = [timeFrom(told.sinceMs, nowMs), timeFrom(told.watchedAtMs, nowMs)];
  if (!since || !watchedAt) return undefined;
  return {
    since: since.toISOString(),
    watchedAt: watchedAt.toISOString(),
    isFinal: told.isFinal,
    ended: kindsFrom(told.ended),
    back: kindsFrom(told.back),
    answered: kindsFrom(told.answered),
    byWan: countsFrom(told.byWan, MAX_WANS),
    notWatched: int32From(told.notWatched),
    missed: told.missed.slice(0, MAX_MISSED).flatMap(({ proto, src, dst, dport, isBack }) => {
      const [from, to] = [src, dst].map(textOf);
      if (from === undefined || to === undefined) return [];
      return [{ proto: line(proto, MAX_PROTO), src: from, dst: to, ...(dport > 0 && dport <= MAX_PORT && { dport }), isBack }];
    }),
  };
}

function usingFrom(using: Using | undefined, nowMs: number): WanEventRecord['using'] {
  const at = timeFrom(using?.atMs, nowMs);
  return using && at && { at: at.toISOString(), trying: kindsFrom(using.trying), waiting: kindsFrom(using.waiting) };
}

function kindsFrom(kinds: WireKinds | undefined): FlowKinds {
  return Object.fromEntries(FLOW_KINDS.map((kind: FlowKind) => [kind, flowsFrom(kinds?.[kind] ?? 0n)])) as FlowKinds;
}

function idsFrom(ids: readonly string[]): string[] {
  return [...new Set(ids.slice(0, MAX_IDS).filter((id) => idSchema.safeParse(id).success))];
}

function addressOf<Key extends string>(key: Key, bytes: Uint8Array): { [K in Key]?: string } {
  const text = textOf(bytes);
  return (text === undefined ? {} : { [key]: text }) as { [K in Key]?: string };
}

function textOf(bytes: Uint8Array): string | undefined {
  return bytes.length === 4 || bytes.length === 16 ? formatAddress(bytes) : undefined;
}

function name(text: string): string {
  return line(text, MAX_NAME).trim();
}

function line(text: string, max: number): string {
  return toPrintable(textFrom(text, max)).slice(0, max);
}
