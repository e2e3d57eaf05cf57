import type { Rule } from '../../proto/model/alerts/rule.ts';
import { COUNTER_NAMES, type Numbers } from '../../proto/model/measures.ts';
import { NEW_GATEWAY } from './judging/gateway-memory.ts';
import { judgeSamples } from './judging/judge-samples.ts';
import type { JudgedSample } from './judging/sample-context.ts';

/** A minute of a gateway: gauges at their highest, counters as increases. */
export interface Minute {
  atMs: number;
  numbers: Numbers;
}

/** One time that a rule would have fired. */
export interface Firing {
  rule: string;
  raisedAtMs: number;
  clearedAtMs?: number;
}

const MINUTE_MS = 60_000;
/** Between two minutes that were not selected because nothing was high. */
const QUIET_MS = 3_600_000;

/** How often rules would have fired on one gateway, by the code that judges samples as they come. Hours between are known to be quiet. */
export function replay(minutes: readonly Minute[], rules: readonly Rule[], gateway: { id: string; name: string }): Firing[] {
  const firings: Firing[] = [];
  let ids = 0;
  let memory = NEW_GATEWAY;
  for (const sample of samplesOf(minutes, longestClear(rules))) {
    const judged = judgeSamples(memory, [sample], { gateway, rules, nowMs: sample.atMs, newId: () => `${ids++}` });
    memory = judged.memory;
    for (const { kind, rule, at } of judged.changes) {
      const open = firings.findLast((one) => one.rule === rule.name && one.clearedAtMs === undefined);
      if (kind === 'raise' && !open) firings.push({ rule: rule.name, raisedAtMs: at });
      if (kind === 'clear' && open) open.clearedAtMs = at;
    }
  }
  return firings;
}

/** Counters as a kernel has them, and after each stretch of minutes as long a quiet time as any rule needs to clear. */
function* samplesOf(minutes: readonly Minute[], quietMs: number): Generator<JudgedSample> {
  const totals: Numbers = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0]));
  let before: Minute | undefined;
  for (const minute of minutes) {
    if (before && minute.atMs - before.atMs > QUIET_MS)
      yield* quiet(before, totals, Math.min(quietMs, minute.atMs - before.atMs - MINUTE_MS));
    if (!before || minute.atMs - before.atMs > QUIET_MS)
      yield { atMs: minute.atMs - MINUTE_MS, numbers: { ...quietNumbers(minute), ...totals } };
    for (const name of COUNTER_NAMES) totals[name] = totals[name]! + (minute.numbers[name] ?? 0);
    yield { atMs: minute.atMs, numbers: { ...minute.numbers, ...totals } };
    before = minute;
  }
  if (before) yield* quiet(before, totals, quietMs);
}

function* quiet(after: Minute, totals: Numbers, forMs: number): Generator<JudgedSample> {
  for (let ms = MINUTE_MS; ms <= forMs; ms += MINUTE_MS) yield { atMs: after.atMs + ms, numbers: { ...quietNumbers(after), ...totals } };
}

function quietNumbers({ numbers }: Minute): Numbers {
  return { ...Object.fromEntries(Object.keys(numbers).map((name) => [name, 0])), max: numbers.max };
}

function longestClear(rules: readonly Rule[]): number {
  return 1000 * Math.max(0, ...rules.map(({ values }) => values.clearFor ?? 0)) + 2 * MINUTE_MS;
}
