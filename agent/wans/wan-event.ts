import {
  WanEvent_Sign as Sign,
  WanEvent_State as State,
  type CameBack,
  type Using,
  type WanEvent,
} from '../../proto/gen/ctfleet/v1/wan_event.ts';
import type { FlowKinds as WireKinds } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { FLOW_KINDS } from '../../proto/model/wan-event.ts';
import { isWorking } from '../conntrack/table.ts';
import type { WanState } from './health.ts';
import type { Wan } from './wans.ts';

/** More failures and recoveries in an hour than this: nothing that is done would last. */
const FLAPS_AN_HOUR = 6;
/** A WAN that flapped is well once it has been so for as long. */
const CALM_MS = 600_000;
/** Flows ended so lately are on their way back. */
const FIXING_MS = 60_000;
/** Phones and tunnels send something at least every two minutes, if only to keep their path open. */
const QUIET_MS = 120_000;
/** A failure that nothing uses any more is closed after a day. */
const CLOSED_AFTER_MS = 86_400_000;
const MAX_SEEN = 50;
const MAX_IDS = 50;

/** A failure of a WAN begins. */
export function opened(id: string, before: WanState | undefined, state: WanState, wans: readonly Wan[], atMs: number): WanEvent {
  const { wan, failure } = state;
  const event: WanEvent = {
    id,
    revision: 1,
    state: State.STATE_SEEN,
    wan: wan.name,
    interface: wan.interface,
    address: Buffer.from(addressOf(state) ?? []),
    seen: [],
    target: '',
    isTargetHealthy: undefined,
    beganAtMs: BigInt(failure?.sinceMs ?? atMs),
    changedAtMs: BigInt(atMs),
    healedAtMs: undefined,
    closedAtMs: undefined,
    using: undefined,
    cameBack: undefined,
    runIds: [],
    changesAnHour: state.changesMs.length,
    atFirst: undefined,
    commandIds: [],
  };
  return followed(event, before, state, wans, atMs);
}

/** What was seen of its WAN since; the same event if nothing new was. `before`: the state of the WAN at the last observation. */
export function followed(event: WanEvent, before: WanState | undefined, state: WanState, wans: readonly Wan[], atMs: number): WanEvent {
  const seen = [...event.seen, ...signsOf(event, before, state).map((sign) => ({ atMs: BigInt(atMs), ...sign }))];
  const target = targetOf(wans, event.wan);
  return changed(
    event,
    {
      seen: seen.length > MAX_SEEN ? [seen[0]!, ...seen.slice(1 - MAX_SEEN)] : seen,
      // Who had taken over stays in a record that is over.
      target: target?.name ?? (state.failure ? '' : event.target),
      isTargetHealthy: target ? target.isAnswering : state.failure ? undefined : event.isTargetHealthy,
      changesAnHour: state.changesMs.length,
    },
    atMs,
  );
}

/** The flows that use it, as just counted. */
export function looked(event: WanEvent, using: Using, atMs: number): WanEvent {
  const isSame = event.using !== undefined && sameKinds(event.using.trying, using.trying) && sameKinds(event.using.waiting, using.waiting);
  return isSame ? event : changed(event, { using, atFirst: event.atFirst ?? using }, atMs);
}

/** A run of a remediation was about it. */
export function handledByRun(event: WanEvent, runId: string, atMs: number): WanEvent {
  return event.runIds.includes(runId) ? event : changed(event, { runIds: [...event.runIds, runId].slice(-MAX_IDS) }, atMs);
}

/** A command ended flows of it. */
export function handledByCommand(event: WanEvent, commandId: string, atMs: number): WanEvent {
  return event.commandIds.includes(commandId)
    ? event
    : changed(event, { commandIds: [...event.commandIds, commandId].slice(-MAX_IDS) }, atMs);
}

/** What became of the flows that were ended for it. */
export function cameBackTo(event: WanEvent, cameBack: CameBack, atMs: number): WanEvent {
  return changed(event, { cameBack }, atMs);
}

/** What an agent knows of an event beside its record. */
export interface LocalFacts {
  /** When flows were ended for it last. */
  actedMs?: number;
  /** Since when each look found no flow that still sends. */
  quietSinceMs?: number;
}

/** What its state is now, by what is known: the same event if that has not changed. */
export function judged(event: WanEvent, state: WanState, known: LocalFacts, atMs: number): WanEvent {
  const next = stateOf(event, state, known, atMs);
  if (next === event.state) return event;
  return changed(
    event,
    {
      state: next,
      healedAtMs: next === State.STATE_HEALED || next === State.STATE_CLOSED ? (event.healedAtMs ?? BigInt(atMs)) : undefined,
      closedAtMs: next === State.STATE_CLOSED ? BigInt(atMs) : undefined,
    },
    atMs,
  );
}

/** True once nothing of it changes any more. */
export function isOver({ state, cameBack }: WanEvent): boolean {
  return state === State.STATE_CLOSED && cameBack?.isFinal !== false;
}

export function isClosed({ state }: WanEvent): boolean {
  return state === State.STATE_CLOSED;
}

function stateOf(event: WanEvent, { wan, failure, changesMs }: WanState, { actedMs, quietSinceMs }: LocalFacts, atMs: number): State {
  const isFlapping = changesMs.length > FLAPS_AN_HOUR && atMs - (changesMs.at(-1) ?? 0) < CALM_MS;
  if (isFlapping) return State.STATE_FLAPPING;
  if (!failure) return State.STATE_CLOSED;
  if (!event.using) return State.STATE_SEEN;
  if (isLive(event.using)) return actedMs !== undefined && atMs - actedMs < FIXING_MS ? State.STATE_BEING_FIXED : State.STATE_OPEN;
  const isQuiet = sum(event.using.waiting) === 0 || (quietSinceMs !== undefined && atMs - quietSinceMs >= QUIET_MS);
  // One that says something once a minute is silent at most looks: until that is ruled out the state stays.
  if (!isQuiet) return event.state === State.STATE_FLAPPING ? State.STATE_SEEN : event.state;
  // A WAN that stands by again, as it did before: nothing was ever stuck on it.
  if (isWorking(wan) && event.state === State.STATE_SEEN) return State.STATE_CLOSED;
  return event.healedAtMs !== undefined && atMs - Number(event.healedAtMs) > CLOSED_AFTER_MS ? State.STATE_CLOSED : State.STATE_HEALED;
}

/** True if a flow that still sends uses the WAN. */
export function isLive({ trying }: Pick<Using, 'trying'>): boolean {
  return sum(trying) > 0;
}

/** Revisions rise with what people would see, so that a record that did not change is not told again. */
function changed(event: WanEvent, change: Partial<WanEvent>, atMs: number): WanEvent {
  const next = { ...event, ...change };
  const isNew = (Object.keys(change) as (keyof WanEvent)[]).some((key) => textOf(event[key]) !== textOf(next[key]));
  return isNew ? { ...next, revision: event.revision + 1, changedAtMs: BigInt(atMs) } : event;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one)) ?? '';
}

type SignWords = { sign: Sign; words: string };

/** In words that go after the WAN's name. */
function signsOf({ seen }: Pick<WanEvent, 'seen'>, before: WanState | undefined, state: WanState): SignWords[] {
  const { wan, failure, moved } = state;
  const was = before?.wan;
  const signs: SignWords[] = [];
  const say = (sign: Sign, words: string): void => void signs.push({ sign, words });
  if (failure && wan.isUp === false && was?.isUp !== false) say(Sign.SIGN_LINK, was ? 'went down' : 'was down when the agent began');
  else if (failure && wan.isAnswering === false && was?.isAnswering !== false) say(Sign.SIGN_PROBE, 'fell silent');
  if (failure && was?.carriesDefaultRoute === true && wan.carriesDefaultRoute === false) say(Sign.SIGN_ROUTE, 'lost the default route');
  if (moved && moved.atMs !== before?.moved?.atMs) say(Sign.SIGN_ADDRESS, `got another address than ${moved.address}`);
  if (!failure && before?.failure) say(Sign.SIGN_RECOVERED, 'works again');
  // Whatever it was, something is said of its beginning.
  if (failure && seen.length === 0 && signs.length === 0) say(Sign.SIGN_ROUTE, 'is without the default route');
  return signs;
}

/** Who carries the default route in its place, or else works. */
function targetOf(wans: readonly Wan[], besides: string): Wan | undefined {
  const others = wans.filter((wan) => wan.name !== besides && isWorking(wan));
  return others.find(({ carriesDefaultRoute }) => carriesDefaultRoute === true) ?? undefined;
}

function addressOf({ wan: { addresses } }: WanState): Uint8Array | undefined {
  return [...addresses].sort((a, b) => a.length - b.length)[0];
}

function sum(kinds: WireKinds | undefined): number {
  return kinds ? FLOW_KINDS.reduce((total, kind) => total + Number(kinds[kind]), 0) : 0;
}

function sameKinds(a: WireKinds | undefined, b: WireKinds | undefined): boolean {
  return FLOW_KINDS.every((kind) => a?.[kind] === b?.[kind]);
}
