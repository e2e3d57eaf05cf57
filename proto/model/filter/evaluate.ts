import { parseAddress, prefixContains, type Prefix } from '../address.ts';
import { FleetError } from '../error-codes.ts';
import type { Flow, Tuple } from '../flow.ts';
import { hasIcmp, hasKeys, hasPorts } from '../protocol.ts';
import { SERVICES } from '../services.ts';
import { IPS, statusTest } from '../status.ts';
import type { FlowFilter, Match, Term } from './filter.ts';

/** Undefined: unknown. It stays unknown under `not`, so that no filter matches a flow by an unknown value. */
export type Truth = boolean | undefined;

/**
 * True if the filter certainly matches the flow. The reference for every other evaluator. Unknown values (no start time, no counters, no
 * idle) match neither a term nor its negation. Throws FILTER_UNSUPPORTED for fleet fields, which the controller resolves first.
 */
export function evaluateFilter(filter: FlowFilter, flow: Flow, nowMs: number): boolean {
  return truthOf(filter, flow, nowMs) === true;
}

/** As evaluateFilter, distinguishing unknown from false. */
export function truthOf(filter: FlowFilter, flow: Flow, nowMs: number): Truth {
  switch (filter.kind) {
    case 'everything':
      return true;
    case 'term':
      return truthOfTerm(filter, flow, nowMs);
    case 'not': {
      const truth = truthOf(filter.operand, flow, nowMs);
      return truth === undefined ? undefined : !truth;
    }
    case 'and':
      return combine(filter.operands, false);
    case 'or':
      return combine(filter.operands, true);
  }

  function combine(operands: FlowFilter[], decisive: boolean): Truth {
    let truth: Truth = !decisive;
    for (const operand of operands) {
      const one = truthOf(operand, flow, nowMs);
      if (one === decisive) return decisive;
      if (one === undefined) truth = undefined;
    }
    return truth;
  }
}

function truthOfTerm({ field, match }: Term, flow: Flow, nowMs: number): Truth {
  const { orig, reply } = flow;
  const source = (tuple: Tuple): Truth => isAt(match, tuple.src, tuple.sport, flow.proto);
  const destination = (tuple: Tuple): Truth => isAt(match, tuple.dst, tuple.dport, flow.proto);
  const port = (value: number | undefined): Truth => isPart(match, value, hasPorts(flow.proto));
  const icmp = (value: number | undefined): Truth => isPart(match, value, hasIcmp(flow.proto));
  const key = (value: number | undefined): Truth => isPart(match, value, hasKeys(flow.proto));
  switch (field) {
    case 'ip':
    case 'host':
      return firstOf(
        () => source(orig),
        () => destination(orig),
        () => source(reply),
        () => destination(reply),
      );
    case 'src':
      return source(orig);
    case 'dst':
      return destination(orig);
    case 'rsrc':
      return source(reply);
    case 'rdst':
      return destination(reply);
    case 'nat':
      return anyOf(!!(flow.status & IPS.SRC_NAT) && destination(reply), !!(flow.status & IPS.DST_NAT) && source(reply));
    case 'port':
      return anyOf(port(orig.sport), port(orig.dport), port(reply.sport), port(reply.dport));
    case 'sport':
      return port(orig.sport);
    case 'dport':
      return port(orig.dport);
    case 'rsport':
      return port(reply.sport);
    case 'rdport':
      return port(reply.dport);
    case 'icmp-type':
      return icmp(orig.icmp?.type);
    case 'icmp-code':
      return icmp(orig.icmp?.code);
    case 'icmp-id':
      return icmp(orig.icmp?.id);
    case 'key':
      return anyOf(key(orig.srcKey), key(orig.dstKey), key(reply.srcKey), key(reply.dstKey));
    case 'srckey':
      return key(orig.srcKey);
    case 'dstkey':
      return key(orig.dstKey);
    case 'rsrckey':
      return key(reply.srcKey);
    case 'rdstkey':
      return key(reply.dstKey);
    case 'proto':
      return isBetween(match, flow.proto);
    case 'family':
      return isBetween(match, flow.family);
    case 'state':
      return isInState(globOf(match), flow);
    case 'status':
      return hasStatus(globOf(match), flow.status);
    case 'app':
      return isOfService(globOf(match), flow);
    case 'mark':
      return match.kind === 'mask' ? (flow.mark & match.mask) >>> 0 === match.value : mismatch(match);
    case 'zone':
      return [flow.zone, orig.zone, reply.zone].some((zone) => zone !== undefined && isBetween(match, zone));
    case 'orig-zone':
      return match.kind === 'none' ? orig.zone === undefined : orig.zone !== undefined && isBetween(match, orig.zone);
    case 'reply-zone':
      return match.kind === 'none' ? reply.zone === undefined : reply.zone !== undefined && isBetween(match, reply.zone);
    case 'label':
      return isNamed(match, flow.labels);
    case 'helper':
      return isNamed(match, flow.helper === undefined ? [] : [flow.helper]);
    case 'wan':
      return isNamed(match, flow.wan === undefined ? [] : [flow.wan]);
    case 'next-wan':
      return flow.nextWan === undefined ? undefined : isNamed(match, flow.nextWan === '' ? [] : [flow.nextWan]);
    case 'age':
      return isKnownBetween(match, flow.startedAtMs === undefined ? undefined : Math.floor((nowMs - flow.startedAtMs) / 1000));
    case 'idle':
      return isIdle(match, flow);
    case 'timeout':
      return isKnownBetween(match, flow.timeoutSeconds);
    case 'bytes':
      return isKnownBetween(match, flow.origCounters && flow.replyCounters && Number(flow.origCounters.bytes + flow.replyCounters.bytes));
    case 'packets':
      return isKnownBetween(
        match,
        flow.origCounters && flow.replyCounters && Number(flow.origCounters.packets + flow.replyCounters.packets),
      );
    case 'id':
      return isBetween(match, flow.id);
    case 'rate':
      return isKnownBetween(match, flow.rateBitsPerSecond);
    case 'stale':
      return isKnownStale(globOf(match), flow.stale);
    case 'tenant':
    case 'site':
    case 'gateway':
    case 'tag':
      throw new FleetError('FILTER_UNSUPPORTED', `${field}: is resolved by the controller and has no meaning on a gateway.`, { field });
    default:
      return field satisfies never;
  }
}

/**
 * Operators' words for states (documents a and b) beside the kernel's own names: `new` no reply yet, `established` the protocol's state or
 * else a reply was seen, `related` expected by another flow, `expired` no longer in any table.
 */
function isInState(word: string, flow: Flow): boolean {
  switch (word) {
    case 'new':
      return !(flow.status & IPS.SEEN_REPLY);
    case 'related':
      return !!(flow.status & IPS.EXPECTED);
    case 'expired':
      return false;
    case 'established':
      return flow.state === undefined ? !!(flow.status & IPS.SEEN_REPLY) : flow.state === 'ESTABLISHED';
    default:
      return flow.state !== undefined && globMatches(word.replaceAll('-', '_'), flow.state);
  }
}

/** Certain only if all possible values lie in the range, or all outside. */
function isIdle(match: Match, { idleSeconds, idleBounds }: Flow): Truth {
  if (idleSeconds !== undefined || !idleBounds) return isKnownBetween(match, idleSeconds);
  if (match.kind !== 'range') return mismatch(match);
  const { from = -Infinity, to = Infinity } = match;
  const { atLeast, atMost = Infinity } = idleBounds;
  if (atLeast >= from && atMost <= to) return true;
  return atMost < from || atLeast > to ? false : undefined;
}

/** Unknown if the gateway could not look up its routes. */
function isKnownStale(word: string, stale: Flow['stale']): Truth {
  if (stale === undefined) return undefined;
  return word === 'yes' ? stale !== 'no' : stale === word;
}

function hasStatus(word: string, status: number): boolean {
  const test = statusTest(word);
  if (!test) throw new FleetError('FILTER_UNSUPPORTED', `status:${word} is not a status word.`, { field: 'status' });
  return 'any' in test ? (status & test.any) !== 0 : (status & test.mask) === test.value;
}

function isOfService(name: string, flow: Flow): boolean {
  const rules = SERVICES[name];
  if (!rules) throw new FleetError('FILTER_UNSUPPORTED', `app:${name} is not a known service.`, { field: 'app' });
  const { dport } = flow.orig;
  return rules.some(
    (rule) =>
      rule.proto === flow.proto && (!rule.ports || (dport !== undefined && rule.ports.some(([from, to]) => dport >= from && dport <= to))),
  );
}

/** Compares one end of a tuple with an address, or with an address and a port that must both match. */
function isAt(match: Match, address: string, port: number | undefined, proto: number): Truth {
  switch (match.kind) {
    case 'prefix':
      return isIn(match.prefix, address);
    case 'endpoint': {
      const isPort = isPart({ kind: 'range', from: match.from, to: match.to }, port, hasPorts(proto));
      return isPort !== false && isIn(match.prefix, address) && isPort;
    }
    default:
      return mismatch(match);
  }
}

function isIn(prefix: Prefix, text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && prefixContains(prefix, address);
}

/**
 * Ports, keys and ICMP's counterparts. For a protocol without them the answer is no; if a protocol should have them but they are missing,
 * it is unknown.
 */
function isPart(match: Match, value: number | undefined, isExpected: boolean): Truth {
  if (value === undefined) return isExpected ? undefined : false;
  return isBetween(match, value);
}

function isNamed(match: Match, names: readonly string[]): boolean {
  return match.kind === 'none' ? names.length === 0 : names.some((name) => globMatches(globOf(match), name));
}

/** As anyOf, but stops at the first that holds: parsing an address takes as long as everything else. */
function firstOf(...tests: (() => Truth)[]): Truth {
  let truth: Truth = false;
  for (const test of tests) {
    const one = test();
    if (one) return true;
    if (one === undefined) truth = undefined;
  }
  return truth;
}

function anyOf(...truths: Truth[]): Truth {
  return truths.includes(true) || (truths.includes(undefined) ? undefined : false);
}

function isBetween(match: Match, value: number): boolean {
  if (match.kind !== 'range') return mismatch(match);
  return (match.from === undefined || value >= match.from) && (match.to === undefined || value <= match.to);
}

function isKnownBetween(match: Match, value: number | undefined): Truth {
  return value === undefined ? undefined : isBetween(match, value);
}

function globOf(match: Match): string {
  return match.kind === 'glob' ? match.pattern : mismatch(match);
}

function mismatch(match: Match): never {
  throw new FleetError('FILTER_UNSUPPORTED', `This field is not compared by ${match.kind}.`);
}

/** True if the pattern (`*` any run, `?` any one character) matches the whole name, ignoring case. */
export function globMatches(pattern: string, name: string): boolean {
  return globExpression(pattern).test(name);
}

/**
 * The glob as a regular expression, for evaluators that compile once. Between two stars the first match is final (`(?=(…))\1` never
 * backtracks), so each of many stars costs no more than the length of the name.
 */
export function globExpression(pattern: string): RegExp {
  const [first, ...rest] = pattern.split(/\*+/).map((part) => part.replace(/[.+^${}()|[\]\\/]/g, '\\$&').replaceAll('?', '.'));
  const last = rest.pop();
  const middle = rest.map((part, index) => `(?=(.*?${part}))\\${index + 1}`).join('');
  return new RegExp(`^${first}${last === undefined ? '' : `${middle}.*${last}`}$`, 'isu');
}
