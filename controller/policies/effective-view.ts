import { stringify } from 'yaml';
import type {
  EffectivePolicyView,
  PolicyChangeView,
  PolicyDifferenceView,
  PolicyOrigin,
  PolicyWarningView,
} from '../../proto/http/effective-policy.ts';
import { formatDuration } from '../../proto/model/duration.ts';
import type { PolicyChange, PolicyDifference } from '../../proto/model/policy/difference.ts';
import type { PolicyValues } from '../../proto/model/policy/document.ts';
import { LEVELS, rulePath, type EffectivePolicy, type Origin, type PolicyLayer } from '../../proto/model/policy/effective.ts';
import { timeoutEntries } from '../../proto/model/policy/settings.ts';
import type { PolicyWarning } from '../../proto/model/policy/warnings/warning.ts';
import { ruleValue } from '../../proto/model/policy/write.ts';
import { inScope, type TenantScope } from '../platform/tenant-scope.ts';
import { UNSAVED } from './layers.ts';

/** How origins are shown to one caller. */
export type Shown = (origin: Origin) => PolicyOrigin;

/** `tenantOf`: of a policy; null for the installation. What the caller may not see of a policy is left out. */
export function shownTo(scope: TenantScope, tenantOf: (policyId: string) => string | null): Shown {
  return ({ policyId, policy, level, of, isByProfile }) => {
    const tenantId = tenantOf(policyId);
    const maySee = tenantId === null ? scope === 'all' : inScope(scope, tenantId);
    return {
      level,
      ...(of !== undefined && { of }),
      isOfInstallation: tenantId === null,
      ...(maySee && policyId !== UNSAVED && { policyId }),
      ...(maySee && { policy }),
      ...(isByProfile && { isByProfile }),
    };
  };
}

export function toEffectiveView({ values, origins }: EffectivePolicy, layers: readonly PolicyLayer[], shown: Shown): EffectivePolicyView {
  const ordered = layers.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  return {
    values: [
      ...textsOf(values).map(([path, text]) => ({ path, text, origin: shown(origins[path]!) })),
      ...values.rules.map((rule) => ({
        path: rulePath(rule.name),
        text: stringify(ruleValue(rule), { lineWidth: 0, compat: 'yaml-1.1' }),
        rule,
        origin: shown(origins[rulePath(rule.name)]!),
      })),
    ],
    policies: ordered.map(({ policyId, level, of, document }) => shown({ policyId, level, of, policy: document.metadata.name })),
  };
}

/** What a change of the gateway would be, without what is there already. */
export function toDifferenceView(
  { changes, ...rest }: PolicyDifference,
  { origins }: Pick<EffectivePolicy, 'origins'>,
  shown: Shown,
): PolicyDifferenceView {
  const wanted = changes.filter(({ verdict }) => verdict.kind !== 'unchanged');
  return {
    ...rest,
    changes: wanted.map((change): PolicyChangeView => {
      const origin = isOfPolicy(change) ? origins[change.path] : undefined;
      return { ...change, ...(origin && { origin: shown(origin) }) };
    }),
    unchanged: changes.length - wanted.length,
  };
}

export function toWarningViews(warnings: readonly PolicyWarning[]): PolicyWarningView[] {
  return warnings.map(({ code, severity, path, message, reason }) => ({ code, severity, path, message, reason }));
}

function isOfPolicy(change: PolicyChange): boolean {
  return change.on !== 'rule' || change.to !== undefined;
}

/** Values other than rules, in the order of a document. */
function textsOf({ table, timeouts, helpers, accounting, timestamps, events, drift }: PolicyValues): [path: string, text: string][] {
  const texts: [string, string | number | boolean | undefined][] = [
    ['table.max', table.max],
    ['table.buckets', table.buckets],
    ...timeoutEntries(timeouts).map(([key, seconds]): [string, string] => [`timeouts.${key}`, formatDuration(seconds)]),
    ['helpers', helpers && (helpers.join(', ') || 'none')],
    ['accounting', accounting],
    ['timestamps', timestamps],
    ['events', events],
    ['drift', drift],
  ];
  return texts.flatMap(([path, value]) => (value === undefined ? [] : [[path, String(value)] as [string, string]]));
}
