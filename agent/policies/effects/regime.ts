import type { Regime } from '../../conntrack/effects-ask.ts';
import type { PolicyRule } from '../../../proto/model/policy/document.ts';
import { rulePath } from '../../../proto/model/policy/effective.ts';
import { HELPERS } from '../../../proto/model/policy/helpers.ts';
import type { PolicyTable } from '../policy-table.ts';
import { parseComment } from '../rule-comment.ts';

/** What a gateway is set to, or would be. `table`: ours, in which rules and helpers hold. */
export interface SetTo {
  rules: readonly PolicyRule[];
  helpers: readonly string[];
  settings: Readonly<Record<string, number>>;
  table: PolicyTable | undefined;
}

/** The same as its packets meet it, by what each list decides (`policy-table.ts` draws them). */
export function regimeOf({ rules, helpers, settings, table }: SetTo): Regime {
  const objects = timeoutObjects(table);
  const said = <What extends object>(of: (rule: PolicyRule) => What | undefined) =>
    rules.flatMap((rule) => {
      const what = of(rule);
      return what ? [{ match: rule.match, path: rulePath(rule.name), ...what }] : [];
    });
  return {
    off: said(({ mode, match }) =>
      mode === 'off' ? { isOff: true } : mode && match.zone === undefined && !match.oif ? { isOff: false } : undefined,
    ),
    modes: said(({ mode }) => (mode === undefined || mode === 'off' ? undefined : { mode })),
    helpers: [
      ...said(({ helper }) => (helper === undefined ? undefined : { helper })),
      ...helpers.toSorted().flatMap((helper) =>
        HELPERS[helper]!.ports.map(({ proto, port }) => ({
          match: { proto, dport: [{ from: port, to: port }] },
          path: 'helpers',
          helper,
        })),
      ),
    ],
    limits: said(({ limits }) => limits && { perSource: limits.perSource, perDestination: limits.perDestination }),
    idle: said(({ name, idleTimeoutSeconds: seconds }) =>
      seconds === undefined ? undefined : { seconds, object: objects.get(name) ?? `${name} ${seconds}` },
    ),
    settings,
  };
}

/** The objects that rules give to new flows, by the names of the rules: a rule leads to a chain that is named as its object is. */
function timeoutObjects(table: PolicyTable | undefined): Map<string, string> {
  const rules = table?.chains.find(({ name }) => name === 'pol_timeouts')?.rules ?? [];
  return new Map(
    rules.flatMap(({ comment = '', acts: [act] }) => {
      const rule = parseComment(comment);
      return rule && act?.do === 'goto' ? [[rule.name, act.chain] as const] : [];
    }),
  );
}
