import { parsePrefix, prefixContains } from '../../address.ts';
import type { NumberRange } from '../../block/packets.ts';
import { canonicalMatch } from '../canonical-rule.ts';
import { demandsOfMode } from '../demands.ts';
import type { PolicyMatch, PolicyRule } from '../document.ts';
import { rulePath } from '../effective.ts';
import { HELPERS, helpersAt } from '../helpers.ts';
import type { Occasion, PolicyWarning } from './warning.ts';

const MULTICAST = ['224.0.0.0/4', 'ff00::/8'];

export function warningsOfModes(occasion: Occasion): PolicyWarning[] {
  const { rules } = occasion.effective.values;
  return rules.flatMap((rule, index) => [
    ...(rule.mode === 'deny' ? ofDeny(rule) : []),
    ...(rule.mode === 'off' ? [...ofOff(rule, occasion), ...ofDirections(rule, rules)] : []),
    ...ofOrder(rule, rules.slice(index + 1)),
    ...ofWholeGateway(rule, occasion),
  ]);
}

function ofDeny({ name, match }: PolicyRule): PolicyWarning[] {
  if (Object.keys(match).length > 0) return [];
  return [
    {
      code: 'deny-everything',
      severity: 'danger',
      path: rulePath(name),
      message: `The rule ${name} denies everything that no rule above it keeps.`,
      reason:
        'Connections that are there stop with it, pings, name queries and tunnels too. SSH to the gateway, the agent’s channel and what ' +
        'the gateway begins itself go on.',
    },
  ];
}

function ofOff({ name, match }: PolicyRule, { effective, facts }: Occasion): PolicyWarning[] {
  const [path, warnings] = [rulePath(name), [] as PolicyWarning[]];
  if (Object.keys(match).length === 0)
    warnings.push({
      code: 'off-everything',
      severity: 'danger',
      path,
      message: `The rule ${name} switches tracking off for everything.`,
      reason: 'Nothing is translated any more, and every reply needs a rule of the firewall by itself: most gateways are then cut off.',
    });
  const { helpers = [], rules } = effective.values;
  const enabled = new Set([...helpers, ...rules.flatMap(({ helper }) => (helper === undefined ? [] : [helper]))]);
  const atPorts =
    match.proto === undefined ? [] : [match.sport, match.dport].flatMap((ports) => (ports ? helpersAt(match.proto!, ports) : []));
  const ofProtocol =
    match.proto === undefined || match.sport || match.dport
      ? []
      : helpersAt(match.proto, undefined).filter((helper) => enabled.has(helper));
  for (const helper of new Set([...atPorts, ...ofProtocol]))
    warnings.push({
      code: 'off-with-helper',
      severity: 'caution',
      path,
      message: `The rule ${name} switches tracking off where the helper ${helper} could work.`,
      reason:
        `Untracked packets have no helper, and what depends on it fails: ${HELPERS[helper]!.help}. A helper is the safer way ` +
        'to let such a protocol pass.',
    });
  if (facts.isNatInUse && !isMulticast(match))
    warnings.push({
      code: 'off-with-nat',
      severity: 'danger',
      path,
      message: `The rule ${name} switches tracking off, and this gateway translates addresses.`,
      reason:
        'Untracked packets are never translated: they leave with their private addresses, and providers drop them. Port forwards ' +
        'fail alike.',
    });
  return warnings;
}

/** Replies need a rule of their own. Nothing replies to a group of multicast. */
function ofDirections({ name, match }: PolicyRule, rules: readonly PolicyRule[]): PolicyWarning[] {
  const replies = { ...match, src: match.dst, dst: match.src, sport: match.dport, dport: match.sport };
  if (isMulticast(match) || rules.some((rule) => rule.mode === 'off' && covers(rule.match, replies))) return [];
  return [
    {
      code: 'off-one-way',
      severity: 'caution',
      path: rulePath(name),
      message: `The rule ${name} switches tracking off in one direction only.`,
      reason:
        'The replies are tracked, and belong to no connection: rules that accept only what is established drop them. Add a rule with ' +
        'source and destination exchanged.',
    },
  ];
}

function ofOrder({ name, match, mode }: PolicyRule, later: readonly PolicyRule[]): PolicyWarning[] {
  const cannotShield = mode !== undefined && mode !== 'off' && (match.zone !== undefined || match.oif !== undefined);
  const off = cannotShield ? later.find((rule) => rule.mode === 'off') : undefined;
  if (!off) return [];
  return [
    {
      code: 'off-comes-first',
      severity: 'caution',
      path: rulePath(name),
      message: `The rule ${name} cannot keep its packets from the rule ${off.name} after it, which switches tracking off.`,
      reason: 'Tracking is switched off before the zone and the way out of a packet are known. Match by iif, src or dst instead.',
    },
  ];
}

/** Some of what a mode needs holds for all traffic. */
function ofWholeGateway({ name, mode }: PolicyRule, { actual }: Occasion): PolicyWarning[] {
  if (!actual) return [];
  return demandsOfMode(mode)
    .filter(({ setting, to }) => actual.settings[setting] !== undefined && actual.settings[setting] !== to)
    .map(({ setting, to }) => ({
      code: 'mode-for-all',
      severity: 'caution',
      path: rulePath(name),
      message: `Mode ${mode} of the rule ${name} sets ${setting} to ${to} for all traffic of this gateway.`,
      reason:
        mode === 'loose'
          ? 'The kernel then joins TCP connections in the middle everywhere; give mode normal to whatever must begin properly.'
          : 'The kernel has it for all or none: packets that were let through by other rules until now may be invalid then.',
    }));
}

function isMulticast({ dst }: PolicyMatch): boolean {
  return dst !== undefined && dst.every((prefix) => MULTICAST.some((group) => contains(group, prefix)));
}

/** True if every packet of `narrow` certainly matches `wide`, interfaces aside: replies come in by another. */
function covers(wide: PolicyMatch, narrow: PolicyMatch): boolean {
  const [outer, inner] = [canonicalMatch(wide), canonicalMatch(narrow)];
  const all = <T>(list: readonly T[] | undefined, of: readonly T[] | undefined, isIn: (outer: T, inner: T) => boolean): boolean =>
    !list || (of !== undefined && of.every((one) => list.some((other) => isIn(other, one))));
  const isRange = (a: NumberRange, b: NumberRange): boolean => a.from <= b.from && b.to <= a.to;
  return (
    (outer.proto === undefined || outer.proto === inner.proto) &&
    all(outer.src, inner.src, contains) &&
    all(outer.dst, inner.dst, contains) &&
    all(outer.sport, inner.sport, isRange) &&
    all(outer.dport, inner.dport, isRange) &&
    (outer.mark === undefined || JSON.stringify(outer.mark) === JSON.stringify(inner.mark))
  );
}

function contains(outer: string, inner: string): boolean {
  const [wide, narrow] = [parsePrefix(outer)!, parsePrefix(inner)!];
  return wide.bits <= narrow.bits && prefixContains(wide, narrow.address);
}
