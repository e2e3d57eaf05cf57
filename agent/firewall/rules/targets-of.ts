import type { Data, Expression, RuleSet, RuleVerdict } from './ruleset.ts';

/** The chains that a rule may jump or go to, by itself or by a map. */
export function* targetsOf(
  expressions: readonly Expression[],
  setOf: (name: string) => RuleSet | undefined,
): Generator<string, void, void> {
  for (const expression of expressions) {
    if (expression.kind === 'immediate') yield* targetOf(expression.data);
    if (expression.kind !== 'lookup') continue;
    const set = setOf(expression.set);
    for (const data of [...(set?.data ?? []), set?.catchAll?.data]) yield* targetOf(data);
  }
}

function* targetOf(data: Data | undefined): Generator<string, void, void> {
  const verdict: RuleVerdict | undefined = data && 'verdict' in data ? data.verdict : undefined;
  if (verdict && 'chain' in verdict) yield verdict.chain;
}
