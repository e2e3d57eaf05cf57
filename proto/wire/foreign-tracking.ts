import type {
  ForeignRule as WireRule,
  RulePlace as WirePlace,
  TrackingSaying as WireSaying,
  UndecodedRule as WireUndecoded,
} from '../gen/ctfleet/v1/policy.ts';
import {
  LIMITED_BY,
  RULE_ENDS,
  type ForeignRule,
  type ForeignTracking,
  type RulePlace,
  type TrackingSaying,
  type UndecodedRule,
} from '../model/policy/foreign-tracking.ts';

/** What an agent tells at most, with room for a later one. */
const MAX_LISTED = 1000;
const MAX_PARTS = 32;
const MAX_HOOKS = 32;
const MAX_SECONDS = 64;

/** Of PolicyReading. */
export interface WireForeign {
  rules: WireRule[];
  undecoded: WireUndecoded[];
  rulesUnread: string[];
  rulesLeft: number;
}

export function toWireForeign({ rules, undecoded, unread, left }: ForeignTracking): WireForeign {
  return {
    rules: rules.map(({ place, says, text, comment = '' }) => ({ place: toWirePlace(place), says: says.map(toWireSaying), text, comment })),
    undecoded: undecoded.map(({ place, parts, text }) => ({ place: toWirePlace(place), parts, text })),
    rulesUnread: unread,
    rulesLeft: left,
  };
}

/** What another version says, and this one does not understand, makes a rule one that is not decoded. */
export function fromWireForeign({ rules, undecoded, rulesUnread, rulesLeft }: WireForeign): ForeignTracking {
  const found: ForeignTracking = {
    rules: [],
    undecoded: undecoded.slice(0, MAX_LISTED).map(fromWireUndecoded),
    unread: rulesUnread.slice(0, MAX_PARTS),
    left: rulesLeft + Math.max(0, rules.length - MAX_LISTED) + Math.max(0, undecoded.length - MAX_LISTED),
  };
  for (const { place, says, text, comment } of rules.slice(0, MAX_LISTED)) {
    const known = says.slice(0, MAX_PARTS).map((saying) => fromWireSaying(saying) ?? saying.kind);
    const rule: ForeignRule = { place: fromWirePlace(place), says: known.filter((one) => typeof one !== 'string'), text };
    if (comment !== '') rule.comment = comment;
    if (rule.says.length > 0) found.rules.push(rule);
    const parts = known.filter((one) => typeof one === 'string');
    if (parts.length > 0) found.undecoded.push({ place: rule.place, parts, text });
  }
  return found;
}

function fromWireUndecoded({ place, parts, text }: WireUndecoded): UndecodedRule {
  return { place: fromWirePlace(place), parts: parts.slice(0, MAX_PARTS), text };
}

function toWirePlace({ family, table, chain, hooks, position, handle }: RulePlace): WirePlace {
  return {
    family,
    table,
    chain,
    hooks: hooks.map(({ hook, priority }) => ({ name: hook, priority })),
    position,
    handle: BigInt(handle),
  };
}

function fromWirePlace(wire: WirePlace | undefined): RulePlace {
  const { family = '', table = '', chain = '', hooks = [], position = 0, handle = 0n } = wire ?? {};
  return {
    family,
    table,
    chain,
    hooks: hooks.slice(0, MAX_HOOKS).map(({ name, priority }) => ({ hook: name, priority })),
    position,
    handle: exact(handle),
  };
}

const NOTHING: WireSaying = {
  kind: '',
  name: '',
  isByMap: false,
  isTooLate: false,
  zone: undefined,
  direction: '',
  proto: '',
  seconds: {},
  limit: undefined,
  end: '',
};

function toWireSaying(saying: TrackingSaying): WireSaying {
  switch (saying.kind) {
    case 'notrack':
      return { ...NOTHING, kind: saying.kind, isTooLate: saying.isTooLate ?? false };
    case 'zone':
      return { ...NOTHING, kind: saying.kind, zone: saying.zone, direction: saying.direction ?? '' };
    case 'helper':
      return { ...NOTHING, kind: saying.kind, name: saying.name ?? '', isByMap: saying.isByMap ?? false };
    case 'timeout': {
      const { kind, name = '', isByMap = false, proto = '', seconds = {} } = saying;
      return { ...NOTHING, kind, name, isByMap, proto, seconds };
    }
    case 'limit': {
      const { kind, ...limit } = saying;
      return { ...NOTHING, kind, limit };
    }
    case 'invalid':
    case 'mid-stream':
    case 'untracked':
      return { ...NOTHING, kind: saying.kind, end: saying.end };
    default:
      return { ...NOTHING, kind: saying.kind };
  }
}

/** Undefined for a kind that this version does not know, or one without what it needs. */
function fromWireSaying({
  kind,
  name,
  isByMap,
  isTooLate,
  zone,
  direction,
  proto,
  seconds,
  limit,
  end,
}: WireSaying): TrackingSaying | undefined {
  const named = { ...(name !== '' && { name }), ...(isByMap && { isByMap: true as const }) };
  switch (kind) {
    case 'notrack':
      return { kind, ...(isTooLate && { isTooLate }) };
    case 'zone': {
      const known = direction === 'original' || direction === 'reply' ? { direction } : {};
      return { kind, ...(zone !== undefined && { zone }), ...(known as { direction?: 'original' | 'reply' }) };
    }
    case 'helper':
      return { kind, ...named };
    case 'timeout': {
      const listed = Object.entries(seconds).slice(0, MAX_SECONDS);
      return { kind, ...named, ...(proto !== '' && { proto, seconds: Object.fromEntries(listed) }) };
    }
    case 'limit': {
      const by = LIMITED_BY.find((one) => one === limit?.by);
      return limit && by && { kind, count: limit.count, isOver: limit.isOver, by };
    }
    case 'expectation':
    case 'events':
    case 'offload':
      return { kind };
    case 'invalid':
    case 'mid-stream':
    case 'untracked': {
      const known = RULE_ENDS.find((one) => one === end);
      return known && { kind, end: known };
    }
    default:
      return undefined;
  }
}

const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** A number that no kernel has is the nearest that can be told exactly. */
export function exact(value: bigint): number {
  return Number(value > MAX_EXACT ? MAX_EXACT : value < -MAX_EXACT ? -MAX_EXACT : value);
}
