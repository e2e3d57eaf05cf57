import type { z } from 'zod';
import type { policyRolloutEvent, PolicyRollout, RolloutTarget, RolloutTargetState } from '../../proto/http/policy-rollouts.ts';
import { count, counted, setTo } from './format.ts';
import type { StateKind } from './state-kind.ts';

export type RolloutHead = Omit<PolicyRollout, 'targets'>;
type Tone = 'green' | 'blue' | 'grey' | 'amber' | 'red' | 'waiting' | 'offline';

/** States of a gateway's part: rank puts trouble first, then what is at work, waiting, confirmed; only confirmed is green. */
export const ROLLOUT_TARGETS: Record<RolloutTargetState, { rank: number; kind: StateKind; word: string; tone: Tone }> = {
  failed: { rank: 0, kind: 'failed', word: 'failed', tone: 'red' },
  indeterminate: { rank: 1, kind: 'partial', word: 'not known', tone: 'amber' },
  restored: { rank: 2, kind: 'reappeared', word: 'put back', tone: 'amber' },
  refused: { rank: 3, kind: 'protected', word: 'refused', tone: 'amber' },
  expired: { rank: 4, kind: 'failed', word: 'not in time', tone: 'offline' },
  offline: { rank: 5, kind: 'offline', word: 'offline', tone: 'offline' },
  confirming: { rank: 6, kind: 'verifying', word: 'in force, to be confirmed', tone: 'blue' },
  applying: { rank: 7, kind: 'running', word: 'being set', tone: 'blue' },
  waiting: { rank: 8, kind: 'waiting', word: 'waiting', tone: 'waiting' },
  skipped: { rank: 9, kind: 'never', word: 'held back', tone: 'offline' },
  cancelled: { rank: 10, kind: 'never', word: 'cancelled', tone: 'offline' },
  confirmed: { rank: 11, kind: 'ok', word: 'confirmed', tone: 'green' },
};
const STATES = Object.keys(ROLLOUT_TARGETS) as RolloutTargetState[];

/** The state of a whole roll-out. */
export const POLICY_ROLLOUTS: Record<PolicyRollout['state'], { kind: StateKind; word: string }> = {
  'awaiting-approval': { kind: 'waiting', word: 'awaits approval' },
  running: { kind: 'running', word: 'running' },
  confirmed: { kind: 'ok', word: 'confirmed' },
  partial: { kind: 'partial', word: 'partial' },
  failed: { kind: 'failed', word: 'failed' },
  cancelled: { kind: 'never', word: 'cancelled' },
  stopped: { kind: 'partial', word: 'held back' },
  expired: { kind: 'failed', word: 'expired' },
};

/** True while it may still change by itself. */
export function isOpen({ state }: Pick<RolloutHead, 'state'>): boolean {
  return state === 'running' || state === 'awaiting-approval';
}

export function inRolloutOrder(targets: readonly RolloutTarget[]): RolloutTarget[] {
  return targets.toSorted(
    (a, b) =>
      ROLLOUT_TARGETS[a.state].rank - ROLLOUT_TARGETS[b.state].rank || a.wave - b.wave || a.gatewayName.localeCompare(b.gatewayName),
  );
}

/** How many gateways a roll-out has. */
export function gatewaysOf({ totals }: Pick<RolloutHead, 'totals'>): number {
  return STATES.reduce((sum, state) => sum + (totals[state] ?? 0), 0);
}

/** As the bar has them: what is done, what is at work, trouble, and what nothing was done on. */
const BAR_ORDER: readonly RolloutTargetState[] = [
  'confirmed',
  'confirming',
  'applying',
  'restored',
  'refused',
  'indeterminate',
  'failed',
  'expired',
  'waiting',
  'offline',
  'skipped',
  'cancelled',
];

/** The parts of the bar over all gateways, done first. */
export function rolloutSegments({ totals }: Pick<RolloutHead, 'totals'>): { name: string; gateways: number; tone: Tone }[] {
  return BAR_ORDER.map((state) => ({
    name: ROLLOUT_TARGETS[state].word,
    gateways: totals[state] ?? 0,
    tone: ROLLOUT_TARGETS[state].tone,
  })).filter(({ gateways }) => gateways > 0);
}

/** The headline: what is in force on how many of how many. */
export function rolloutSentence(rollout: RolloutHead): string {
  const { kind, policyName, state, totals } = rollout;
  const all = counted(gatewaysOf(rollout), 'gateway');
  const what = kind === 'undo' ? `“${policyName}” taken back` : `“${policyName}” in force`;
  const done = `${what} on ${count(totals.confirmed ?? 0)} of ${all}`;
  switch (state) {
    case 'awaiting-approval':
      return `${kind === 'undo' ? 'Taking back' : ''} “${policyName}” ${kind === 'undo' ? 'on' : 'for'} ${all} awaits approval`.trim();
    case 'running':
      return `${done} so far`;
    case 'confirmed':
      return `${done}, confirmed`;
    case 'expired':
      return `Expired: ${done}`;
    case 'cancelled':
      return `Cancelled: ${done}`;
    case 'failed':
      return `Failed: ${done}`;
    case 'partial':
      return `Partial: ${done}`;
    case 'stopped':
      return `Held back: ${done}`;
  }
}

/** What did not go as planned, in words; undefined if all did. */
export function rolloutTrouble({ stopReason, totals }: RolloutHead): string | undefined {
  const told: [RolloutTargetState, (gateways: string, isOne: boolean) => string][] = [
    ['failed', (gateways) => `${gateways} failed`],
    ['indeterminate', (gateways) => `of ${gateways} it is not known`],
    ['restored', (gateways, isOne) => `${gateways} put it back ${isOne ? 'by itself' : 'by themselves'}`],
    ['refused', (gateways) => `${gateways} refused it`],
    ['expired', (gateways) => `${gateways} did not begin in time`],
    ['offline', (gateways, isOne) => `${gateways} ${isOne ? 'is' : 'are'} offline`],
    ['skipped', (gateways, isOne) => `${gateways} ${isOne ? 'was' : 'were'} held back`],
  ];
  const parts = told.flatMap(([state, words]) => {
    const gateways = totals[state] ?? 0;
    return gateways > 0 ? [words(counted(gateways, 'gateway'), gateways === 1)] : [];
  });
  const all = [...(stopReason === undefined ? [] : [stopReason.replace(/\.$/, '')]), ...parts];
  return all.length === 0 ? undefined : `${all.join('; ')}.`;
}

/** `put back in 1 min 12 s unless it is heard again`; undefined unless it waits for that. */
export function countdownWords({ state, until }: Pick<RolloutTarget, 'state' | 'until'>, nowMs: number | undefined): string | undefined {
  if (state !== 'confirming' || until === undefined || nowMs === undefined) return undefined;
  const seconds = Math.max(0, Math.floor((Date.parse(until) - nowMs) / 1000));
  return seconds === 0 ? 'being put back, unless it was heard in time' : `put back in ${exactly(seconds)} unless confirmed`;
}

/** `1 min 12 s`, as a countdown has it. */
function exactly(seconds: number): string {
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes === 0) return `${rest} s`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** What the time to confirm means, in one sentence. */
export function withinWords(seconds: number): string {
  return `Each gateway puts it back by itself unless it is heard again within ${setTo(seconds)}.`;
}

/** The words of the button: what happens, on how many gateways. */
export function rollOutWords(gateways: number): string {
  return `Roll out to ${counted(gateways, 'gateway')}`;
}

/** A roll-out with one event of its stream taken in. */
export function withRolloutEvent(before: PolicyRollout | undefined, event: z.output<typeof policyRolloutEvent>): PolicyRollout | undefined {
  if (event.kind === 'rollout') return event.rollout;
  if (!before) return undefined;
  const { target, totals, state, wave } = event;
  const targets = before.targets.map((one) => (one.gatewayId === target.gatewayId ? target : one));
  return { ...before, targets, totals, state, wave };
}
