import type { Rule } from '../../../proto/model/alerts/rule.ts';
import { contextOf, remembering, type GatewayMemory } from './gateway-memory.ts';
import { causeOfLosses, judgeLosses } from './losses.ts';
import { judgeMeasure } from './measure.ts';
import type { JudgedSample, SampleContext, Verdict } from './sample-context.ts';
import { step, type RuleState } from './step.ts';
import { judgeTimeToFull } from './time-to-full.ts';
import { judgeUsage } from './usage.ts';
import { factsOf, type Facts } from './words.ts';

/** Samples that are older than this say nothing about now: they come from a spool, after an outage. */
export const FRESH_MS = 2 * 60_000;
/** Kinds that samples tell. */
export const SAMPLE_KINDS = ['usage', 'time-to-full', 'losses', 'measure'] as const;
/** How much worse a value must be for its alert to show it. */
const WORSE = { usage: 1.1, other: 2 };

/** What is to be written about one alert. */
export type AlertChange = FoundChange | { kind: 'clear' | 'withdraw'; rule: Rule; alertId: string; at: number };
export interface FoundChange {
  kind: 'pend' | 'raise' | 'update';
  rule: Rule;
  alertId: string;
  at: number;
  pendingSince: number;
  facts: Facts;
}

export interface Judged {
  memory: GatewayMemory;
  changes: AlertChange[];
}

interface Surroundings {
  gateway: { id: string; name: string };
  rules: readonly Rule[];
  nowMs: number;
  newId: () => string;
}

/**
 * Judges samples of one gateway, oldest first. Those up to the time that was judged before are skipped, so that a batch that comes twice,
 * or late, changes nothing. What is raised and over within one batch was never raised.
 */
export function judgeSamples(before: GatewayMemory, samples: readonly JudgedSample[], around: Surroundings): Judged {
  const rules = around.rules.filter(({ isOn, kind }) => isOn && SAMPLE_KINDS.some((one) => one === kind));
  const facts = new Map<string, Facts>();
  let memory = before;
  for (const sample of samples) {
    if (sample.atMs <= memory.judgedMs) continue;
    const context = contextOf(memory, sample);
    const states: Record<string, RuleState> = {};
    for (const rule of rules) {
      const state = stepRule(memory.rules[rule.name], rule, context, around, facts);
      if (state) states[rule.name] = state;
    }
    memory = { ...remembering(memory, sample), rules: isSame(memory.rules, states) ? memory.rules : states };
  }
  if (memory.rules === before.rules) return { memory, changes: [] };
  const changes = changesBetween(before, memory, around, facts);
  return { memory: { ...memory, version: before.version + 1 }, changes };
}

function stepRule(
  state: RuleState | undefined,
  rule: Rule,
  context: SampleContext,
  { gateway, nowMs, newId }: Surroundings,
  facts: Map<string, Facts>,
): RuleState | undefined {
  const verdict = verdictOf(rule, context);
  const { atMs } = context.sample;
  const moment = { atMs, beforeMs: context.before?.atMs, isFresh: nowMs - atMs <= FRESH_MS };
  const next = step(state, verdict, rule.values, moment, newId);
  if (!next || verdict?.is !== 'bad') return next;
  const cause = rule.kind === 'losses' ? causeOfLosses(context).cause : undefined;
  const isTold = state?.alertId === next.alertId && state.isRaised === next.isRaised;
  if (isTold && state.cause === cause && !isMuchWorse(rule, state.told, verdict)) return next;
  facts.set(next.alertId, factsOf(rule, verdict, context, gateway));
  return { ...next, told: verdict.value, ...(cause && { cause }) };
}

function verdictOf(rule: Rule, context: SampleContext): Verdict | undefined {
  switch (rule.kind) {
    case 'usage':
      return judgeUsage(rule.values, context);
    case 'time-to-full':
      return judgeTimeToFull(rule.values, context);
    case 'losses':
      return judgeLosses(context);
    default:
      return judgeMeasure(rule, context);
  }
}

function isMuchWorse({ kind }: Rule, told: number, { value, limit }: Verdict): boolean {
  const factor = kind === 'usage' ? WORSE.usage : WORSE.other;
  const isBelow = limit !== undefined && value < limit;
  return isBelow ? value <= told / factor : value >= told * factor;
}

function isSame(before: Readonly<Record<string, RuleState>>, after: Readonly<Record<string, RuleState>>): boolean {
  const names = Object.keys(after);
  return names.length === Object.keys(before).length && names.every((name) => isSameState(before[name], after[name]!));
}

function isSameState(a: RuleState | undefined, b: RuleState): boolean {
  return (
    a === b ||
    (a?.alertId === b.alertId &&
      a.pendingSince === b.pendingSince &&
      a.isRaised === b.isRaised &&
      a.clearingSince === b.clearingSince &&
      a.told === b.told &&
      a.cause === b.cause)
  );
}

/** What was there before and what is there now, as changes of alerts. */
function changesBetween(before: GatewayMemory, after: GatewayMemory, { rules }: Surroundings, facts: Map<string, Facts>): AlertChange[] {
  const at = after.judgedMs;
  const names = new Set([...Object.keys(before.rules), ...Object.keys(after.rules)]);
  return [...names].flatMap((name): AlertChange[] => {
    const [was, is] = [before.rules[name], after.rules[name]];
    const rule = rules.find((one) => one.name === name) ?? gone(name);
    const changes: AlertChange[] = [];
    if (was && was.alertId !== is?.alertId) changes.push({ rule, alertId: was.alertId, at, kind: was.isRaised ? 'clear' : 'withdraw' });
    const isNew = was?.alertId !== is?.alertId;
    const said = is && facts.get(is.alertId);
    if (!is || !said || (!isNew && isSameState(was, is))) return changes;
    const kind = !is.isRaised ? 'pend' : isNew || !was?.isRaised ? 'raise' : 'update';
    changes.push({ rule, alertId: is.alertId, at, kind, pendingSince: is.pendingSince, facts: said });
    return changes;
  });
}

/** A rule that holds no longer, for what it left behind. */
function gone(name: string): Rule {
  return { name, kind: 'measure', isOn: false, severity: 'info', values: {} };
}
