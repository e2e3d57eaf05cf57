import { stringify } from 'yaml';
import type { NumberRange } from '../block/packets.ts';
import { formatDuration } from '../duration.ts';
import { formatMark } from '../mark.ts';
import {
  API_VERSION,
  POLICY_KIND,
  type PolicyDocument,
  type PolicyMatch,
  type PolicyRule,
  type PolicySpec,
  type Timeouts,
} from './document.ts';
import { timeoutEntries } from './settings.ts';
import { withoutAbsent } from '../without-absent.ts';

/** A policy as canonical YAML: the same document is always the same text. Pairs with `readPolicy`. */
export function writePolicy(document: PolicyDocument): string {
  // Other programs read “off” and “on” as YAML 1.1 did, which made switches of them.
  return stringify(policyValue(document), { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false });
}

/** A policy as the value that its YAML or JSON stands for. */
export function policyValue({ metadata, spec }: PolicyDocument): object {
  return {
    apiVersion: API_VERSION,
    kind: POLICY_KIND,
    metadata: withoutAbsent({ name: metadata.name, tenant: metadata.tenant }),
    spec: specValue(spec),
  };
}

function specValue({ profile, table, timeouts, helpers, accounting, timestamps, events, drift, rules }: PolicySpec): object {
  return withoutAbsent({
    profile,
    table: filled({ max: table.max, buckets: table.buckets }),
    timeouts: filled(timeoutsValue(timeouts)),
    helpers,
    accounting,
    timestamps,
    events,
    drift,
    rules: rules.length > 0 ? rules.map(ruleValue) : undefined,
  });
}

function timeoutsValue(timeouts: Timeouts): object {
  const value: Record<string, string | Record<string, string>> = {};
  for (const [path, seconds] of timeoutEntries(timeouts)) {
    const [group, key] = path.split('.') as [string, string?];
    if (key === undefined) value[group] = formatDuration(seconds);
    else value[group] = { ...(value[group] as Record<string, string> | undefined), [key]: formatDuration(seconds) };
  }
  return value;
}

/** A rule as the value that its YAML or JSON stands for. */
export function ruleValue({ name, match, mode, answer, idleTimeoutSeconds, helper, limits }: PolicyRule): object {
  return withoutAbsent({
    name,
    match: filled(matchValue(match)),
    mode,
    answer,
    idleTimeout: idleTimeoutSeconds === undefined ? undefined : formatDuration(idleTimeoutSeconds),
    helper,
    limits: limits && withoutAbsent({ perSource: limits.perSource, perDestination: limits.perDestination, answer: limits.answer }),
  });
}

function matchValue({ proto, src, dst, sport, dport, iif, oif, zone, mark }: PolicyMatch): object {
  return {
    proto: proto !== undefined && /^\d+$/.test(proto) ? Number(proto) : proto,
    src: oneOrList(src),
    dst: oneOrList(dst),
    sport: oneOrList(sport?.map(portsValue)),
    dport: oneOrList(dport?.map(portsValue)),
    iif: oneOrList(iif),
    oif: oneOrList(oif),
    zone,
    mark: mark && formatMark(mark),
  };
}

function portsValue({ from, to }: NumberRange): number | string {
  return from === to ? from : `${from}-${to}`;
}

function oneOrList<T>(items: readonly T[] | undefined): T | readonly T[] | undefined {
  return items?.length === 1 ? items[0] : items;
}

/** The fields that are there; undefined if none is. */
function filled(value: object): object | undefined {
  const fields = withoutAbsent(value);
  return Object.keys(fields).length > 0 ? fields : undefined;
}
