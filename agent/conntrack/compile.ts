import { FleetError } from '../../proto/model/error-codes.ts';
import { globExpression } from '../../proto/model/filter/evaluate.ts';
import type { FlowFilter, Match, Term } from '../../proto/model/filter/filter.ts';
import type { Prefix } from '../../proto/model/address.ts';
import { SERVICES } from '../../proto/model/services.ts';
import { IPS, statusTest } from '../../proto/model/status.ts';
import { hasLabel, LABEL_BITS, labelText, type LabelNames } from './labels.ts';
import { fullTimeout, idleSeconds, type Timeouts } from './timeouts.ts';
import type { WanNames } from './wan-names.ts';
import { networkU32, type RawEntry } from './wire/raw-entry.ts';
import { stateName } from './wire/states.ts';

/** What the terms of one question are settled against. */
export interface Surroundings { nowMs: number; timeouts: Timeouts; labels: LabelNames; wans: WanNames }

export type Predicate = (entry: RawEntry) => boolean;

/**
 * Compiles a filter once, for one walk. Means what evaluateFilter in proto/model/filter means: what an entry does not tell matches neither a
 * term nor its negation, so the filter is compiled for `certainly true`, and under each `not` for `certainly false`.
 * Throws FILTER_UNSUPPORTED for a term that cannot be evaluated here; no term is ever left out.
 */
export function compileFilter(filter: FlowFilter, surroundings: Surroundings): Predicate {
  return compile(filter, true, surroundings);
}

/** The family that every match has, where the filter implies one; the only thing that the kernel may be asked to filter by. */
export function impliedFamily(filter: FlowFilter): 4 | 6 | undefined {
  switch (filter.kind) {
    case 'everything':
    case 'not': return undefined;
    case 'and': return filter.operands.map(impliedFamily).find((family) => family !== undefined);
    case 'or': {
      const [first, ...rest] = filter.operands.map(impliedFamily);
      return rest.every((family) => family === first) ? first : undefined;
    }
    case 'term':
      if (filter.match.kind === 'prefix') return filter.match.prefix.family;
      if (filter.field !== 'family' || filter.match.kind !== 'range' || filter.match.from !== filter.match.to) return undefined;
      return filter.match.from === 4 || filter.match.from === 6 ? filter.match.from : undefined;
  }
}

/** The seconds since an entry's last packet, as Flow.idleSeconds says them. */
export function idleOf(entry: RawEntry, timeouts: Timeouts): number | undefined {
  if (entry.timeout < 0) return undefined;
  return idleSeconds(fullTimeout({ proto: entry.proto, state: stateOf(entry), status: entry.status, tcpFlags: entry.tcpFlags }, timeouts), entry.timeout);
}

export function stateOf(entry: RawEntry): string | undefined {
  return entry.state < 0 ? undefined : stateName(entry.stateKind, entry.state);
}

function compile(filter: FlowFilter, wanted: boolean, surroundings: Surroundings): Predicate {
  switch (filter.kind) {
    case 'everything': return () => wanted;
    case 'not': return compile(filter.operand, !wanted, surroundings);
    case 'and':
    case 'or': {
      const operands = filter.operands.map((operand) => compile(operand, wanted, surroundings));
      return (filter.kind === 'and') === wanted ? (entry) => operands.every((operand) => operand(entry)) : (entry) => operands.some((operand) => operand(entry));
    }
    case 'term': return compileTerm(filter, wanted, surroundings);
  }
}

function compileTerm({ field, match }: Term, wanted: boolean, { nowMs, timeouts, labels, wans }: Surroundings): Predicate {
  /** For what every entry tells. */
  const told = (test: Predicate): Predicate => (wanted ? test : (entry) => !test(entry));
  /** For a number that may be unknown; then neither the term nor its negation matches. */
  const number = (value: (entry: RawEntry) => number | undefined): Predicate => {
    const isBetween = compileRange(match);
    return (entry) => {
      const known = value(entry);
      return known !== undefined && !Number.isNaN(known) && isBetween(known) === wanted;
    };
  };
  switch (field) {
    case 'ip':
    case 'host': {
      const contains = compilePrefix(match);
      return told((entry) => contains(entry, entry.orig.src) || contains(entry, entry.orig.dst) || contains(entry, entry.reply.src) || contains(entry, entry.reply.dst));
    }
    case 'src': { const contains = compilePrefix(match); return told((entry) => contains(entry, entry.orig.src)); }
    case 'dst': { const contains = compilePrefix(match); return told((entry) => contains(entry, entry.orig.dst)); }
    case 'rsrc': { const contains = compilePrefix(match); return told((entry) => contains(entry, entry.reply.src)); }
    case 'rdst': { const contains = compilePrefix(match); return told((entry) => contains(entry, entry.reply.dst)); }
    case 'nat': {
      const contains = compilePrefix(match);
      return told((entry) => ((entry.status & IPS.SRC_NAT) !== 0 && contains(entry, entry.reply.dst)) || ((entry.status & IPS.DST_NAT) !== 0 && contains(entry, entry.reply.src)));
    }
    case 'port': {
      const isPort = compilePresent(match);
      return told(({ orig, reply }) => isPort(orig.sport) || isPort(orig.dport) || isPort(reply.sport) || isPort(reply.dport));
    }
    case 'sport': { const isPort = compilePresent(match); return told((entry) => isPort(entry.orig.sport)); }
    case 'dport': { const isPort = compilePresent(match); return told((entry) => isPort(entry.orig.dport)); }
    case 'rsport': { const isPort = compilePresent(match); return told((entry) => isPort(entry.reply.sport)); }
    case 'rdport': { const isPort = compilePresent(match); return told((entry) => isPort(entry.reply.dport)); }
    case 'proto': { const isBetween = compileRange(match); return told((entry) => isBetween(entry.proto)); }
    case 'family': { const isBetween = compileRange(match); return told((entry) => isBetween(entry.family)); }
    case 'id': { const isBetween = compileRange(match); return told((entry) => isBetween(entry.id)); }
    case 'zone': {
      const isBetween = compileRange(match);
      const isZone = compilePresent(match);
      return told((entry) => isBetween(entry.zone) || isZone(entry.orig.zone) || isZone(entry.reply.zone));
    }
    case 'state': return told(compileState(patternOf(match)));
    case 'status': {
      const test = statusTest(patternOf(match));
      if (!test) throw new FleetError('FILTER_UNSUPPORTED', `status:${patternOf(match)} is not a status word.`, { field });
      return told('any' in test ? (entry) => (entry.status & test.any) !== 0 : (entry) => (entry.status & test.mask) === test.value);
    }
    case 'app': return told(compileService(patternOf(match)));
    case 'mark': {
      if (match.kind !== 'mask') return mismatch(match);
      const { value, mask } = match;
      return told((entry) => ((entry.mark & mask) >>> 0) === value);
    }
    case 'label': {
      const glob = globExpression(patternOf(match));
      const bits = Array.from({ length: LABEL_BITS }, (_, bit) => bit).filter((bit) => glob.test(labelText(bit, labels)));
      return told((entry) => entry.labels >= 0 && bits.some((bit) => hasLabel(entry.bytes, entry.labels, entry.labelsLength, bit)));
    }
    case 'helper': return told(compileName(patternOf(match), (entry) => entry.helper()));
    case 'wan': return told(compileName(patternOf(match), (entry) => wans.ofEntry(entry)));
    case 'age': return number((entry) => {
      const startedAtMs = entry.startedAtMs();
      return startedAtMs === undefined ? undefined : Math.floor((nowMs - startedAtMs) / 1000);
    });
    case 'idle': return number((entry) => idleOf(entry, timeouts));
    case 'timeout': return number((entry) => (entry.timeout < 0 ? undefined : entry.timeout));
    case 'bytes': return number((entry) => entry.totalBytes());
    case 'packets': return number((entry) => entry.totalPackets());
    case 'rate': throw new FleetError('FILTER_UNSUPPORTED', 'rate: needs two snapshots; this agent has none yet. Leave the term out.', { field });
    case 'tenant':
    case 'site':
    case 'gateway':
    case 'tag': throw new FleetError('FILTER_UNSUPPORTED', `${field}: is settled by the controller and has no meaning on a gateway.`, { field });
  }
}

/** Words of operators beside the kernel's names; see evaluateFilter. */
function compileState(word: string): Predicate {
  switch (word) {
    case 'new': return (entry) => !(entry.status & IPS.SEEN_REPLY);
    case 'related': return (entry) => (entry.status & IPS.EXPECTED) !== 0;
    case 'expired': return () => false;
    case 'established': return (entry) => (entry.state < 0 ? (entry.status & IPS.SEEN_REPLY) !== 0 : stateOf(entry) === 'ESTABLISHED');
    default: return compileName(word.replaceAll('-', '_'), stateOf);
  }
}

function compileService(name: string): Predicate {
  const rules = SERVICES[name];
  if (!rules) throw new FleetError('FILTER_UNSUPPORTED', `app:${name} is not a known service.`, { field: 'app' });
  return ({ proto, orig: { dport } }) => rules.some((rule) => rule.proto === proto && (!rule.ports || (dport >= 0 && rule.ports.some(([from, to]) => dport >= from && dport <= to))));
}

/** There are few names and many entries, so each name is compared once. */
function compileName(pattern: string, nameOf: (entry: RawEntry) => string | undefined): Predicate {
  const glob = globExpression(pattern);
  const verdicts = new Map<string, boolean>();
  return (entry) => {
    const name = nameOf(entry);
    if (name === undefined) return false;
    let verdict = verdicts.get(name);
    if (verdict === undefined) verdicts.set(name, (verdict = glob.test(name)));
    return verdict;
  };
}

function compilePrefix(match: Match): (entry: RawEntry, at: number) => boolean {
  const { family, address, bits }: Prefix = match.kind === 'prefix' ? match.prefix : mismatch(match);
  // A shift by 32 is a shift by 0 in JavaScript, hence the case of its own.
  const masks = Array.from({ length: address.length / 4 }, (_, word) => Math.min(32, Math.max(0, bits - word * 32))).map((width) => (width === 0 ? 0 : (0xffffffff << (32 - width)) >>> 0));
  const words = masks.map((mask, word) => (networkU32(address, word * 4) & mask) >>> 0);
  if (family === 4) {
    const [mask, network] = [masks[0]!, words[0]!];
    return (entry, at) => entry.family === 4 && ((networkU32(entry.bytes, at) & mask) >>> 0) === network;
  }
  return (entry, at) => entry.family === 6 && words.every((word, index) => ((networkU32(entry.bytes, at + index * 4) & masks[index]!) >>> 0) === word);
}

function compileRange(match: Match): (value: number) => boolean {
  if (match.kind !== 'range') return mismatch(match);
  const from = match.from ?? -Infinity;
  const to = match.to ?? Infinity;
  return (value) => value >= from && value <= to;
}

/** A range over a number that is -1 where it is absent; an absent one does not match. */
function compilePresent(match: Match): (value: number) => boolean {
  const isBetween = compileRange(match);
  return (value) => value >= 0 && isBetween(value);
}

function patternOf(match: Match): string {
  return match.kind === 'glob' ? match.pattern : mismatch(match);
}

function mismatch(match: Match): never {
  throw new FleetError('FILTER_UNSUPPORTED', `This field is not compared by ${match.kind}.`);
}
