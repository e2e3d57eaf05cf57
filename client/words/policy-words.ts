import type { PolicyChangeView, PolicyOrigin } from '../../proto/http/effective-policy.ts';
import type { PlannedGateway, PolicyPlan } from '../../proto/http/policy-plans.ts';
import type { PolicySummary } from '../../proto/http/saved-policies.ts';
import { formatDuration } from '../../proto/model/duration.ts';
import type { PolicyMatch, PolicyRule } from '../../proto/model/policy/document.ts';
import { formatMark } from '../../proto/model/mark.ts';
import { timeoutKeyOf } from '../../proto/model/policy/settings.ts';
import { count, counted, setTo } from './format.ts';
import type { StateKind } from './state-kind.ts';

/** What a policy is for: `all gateways`, `site Milano`. */
export function targetWords({ target, tenantName }: Pick<PolicySummary, 'target' | 'tenantName'>): string {
  switch (target.level) {
    case 'fleet':
      return 'all gateways';
    case 'tenant':
      return `all of ${tenantName ?? 'its tenant'}`;
    case 'tag':
      return `tag ${target.tag}${tenantName === undefined ? ' everywhere' : ''}`;
    case 'site':
      return `site ${target.siteName ?? ''}`;
    case 'gateway':
      return `gateway ${target.gatewayName ?? ''}`;
  }
}

/** Which policy a value is from: `base, fleet`; of one that the reader may not see: `the installation, fleet`. */
export function originWords({ level, of, policy, isByProfile }: PolicyOrigin): string {
  const where = level === 'fleet' || of === undefined ? level : `${level} ${of}`;
  return `${policy ?? 'the installation'}${isByProfile ? ' by its profile' : ''}, ${where}`;
}

/** A number below /proc/sys/net/netfilter as a document has it. */
export function settingNumber(setting: string, value: number): string {
  return timeoutKeyOf(setting) === undefined ? count(value) : setTo(value);
}

/** What would change, in three parts: what, from what, to what. */
export function changeWords(change: PolicyChangeView): { what: string; from: string; to: string } {
  switch (change.on) {
    case 'setting':
      return {
        what: change.path,
        from: change.from === undefined ? 'not there' : settingNumber(change.setting, change.from),
        to: settingNumber(change.setting, change.to),
      };
    case 'helper':
      return { what: `helper ${change.helper}`, from: onOff(change.from), to: onOff(change.to) };
    case 'rule':
      return {
        what: `rule ${change.rule}`,
        from: change.from ? 'as it is' : 'not there',
        to: change.to ? (change.from ? 'changed' : 'added') : 'removed',
      };
  }
}

function onOff(isOn: boolean): string {
  return isOn ? 'on' : 'off';
}

/** One line about a gateway of a plan. */
export function plannedWords({ state, reason, difference, warnings, isInForce }: PlannedGateway): { kind: StateKind; text: string } {
  if (!difference) return { kind: state === 'offline' ? 'offline' : 'failed', text: reason ?? 'it did not answer' };
  const refused = difference.changes.filter(({ verdict }) => verdict.kind === 'refused').length;
  const set = difference.changes.length - refused;
  const parts = [
    set > 0 ? `${counted(set, 'change')}` : isInForce === false ? 'set so already, and not held to it' : 'nothing would change',
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
    ...(warnings.length > 0 ? [counted(warnings.length, 'warning')] : []),
  ];
  const isDangerous = warnings.some(({ severity }) => severity === 'danger');
  return { kind: isDangerous ? 'critical' : refused > 0 || warnings.length > 0 ? 'warn' : 'ok', text: parts.join(', ') };
}

/** The headline of a plan. */
export function planSentence({ gateways }: PolicyPlan): string {
  const away = gateways.filter(({ difference }) => !difference).length;
  const changed = gateways.filter(({ difference }) => difference?.changes.some(({ verdict }) => verdict.kind === 'set')).length;
  if (gateways.length === 0) return 'It reaches no gateway here';
  return `It would change ${count(changed)} of ${counted(gateways.length, 'gateway')}${away > 0 ? `; ${count(away)} cannot tell` : ''}`;
}

/** What a rule matches, in short: `udp from 10.1.0.0/16 to port 5060`, `all traffic`. */
export function matchWords({ proto, src, dst, sport, dport, iif, oif, zone, mark }: PolicyMatch): string {
  const ports = (list: PolicyMatch['sport']) => list?.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  const some = (word: string, list: readonly string[] | undefined) =>
    list && `${word} ${list[0]}${list.length > 1 ? ` and ${count(list.length - 1)} more` : ''}`;
  const parts = [
    proto,
    some('from', src),
    some('from port', ports(sport)),
    some('to', dst),
    some('to port', ports(dport)),
    some('in by', iif),
    some('out by', oif),
    zone !== undefined && `zone ${zone}`,
    mark && `mark ${formatMark(mark)}`,
  ].filter((part) => typeof part === 'string');
  return parts.length === 0 ? 'all traffic' : parts.join(' ');
}

/** What a rule says about it: `normal, idle 3m, at most 20 of one source`. */
export function ruleWords({ mode, idleTimeoutSeconds, helper, limits }: PolicyRule): string {
  return [
    mode,
    idleTimeoutSeconds !== undefined && `idle ${formatDuration(idleTimeoutSeconds)}`,
    helper && `helper ${helper}`,
    limits?.perSource !== undefined && `at most ${count(limits.perSource)} of one source`,
    limits?.perDestination !== undefined && `at most ${count(limits.perDestination)} to one destination`,
  ]
    .filter(Boolean)
    .join(', ');
}
