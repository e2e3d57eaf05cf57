/** States of a WAN event, in the order in which they usually follow. */
export const WAN_EVENT_STATES = ['seen', 'open', 'being-fixed', 'healed', 'closed', 'flapping'] as const;
export type WanEventState = (typeof WAN_EVENT_STATES)[number];

/** By what a failure was seen. */
export const WAN_SIGNS = ['link', 'carrier', 'probe', 'address', 'route', 'recovered'] as const;
export type WanSign = (typeof WAN_SIGNS)[number];

/** Kinds of flows as operators tell them apart. */
export const FLOW_KINDS = ['calls', 'udp', 'tcp', 'vpn', 'other'] as const;
export type FlowKind = (typeof FLOW_KINDS)[number];
export type FlowKinds = Record<FlowKind, number>;

/** All of them together. */
export function sumOfKinds(kinds: FlowKinds): number {
  return FLOW_KINDS.reduce((sum, kind) => sum + kinds[kind], 0);
}

/** True while something may still have to be done about it. */
export function isOpenEvent({ state }: { state: WanEventState }): boolean {
  return state !== 'healed' && state !== 'closed';
}

/** What the sentence is made of. */
export interface WanEventFacts {
  wan: string;
  siteName: string;
  beganAt: string;
  /** What was seen first, after the WAN's name: `lost the default route`. */
  failed: string;
  state: WanEventState;
  using?: { trying: FlowKinds; waiting: FlowKinds };
  target?: { wan: string; isHealthy?: boolean };
  cameBack?: CameBackFacts;
}

export interface CameBackFacts {
  isFinal: boolean;
  ended: FlowKinds;
  back: FlowKinds;
  answered: FlowKinds;
  byWan: Record<string, number>;
}

/**
 * The one sentence that tells a failover, on every page, in alerts and in mails: wan1 at Milano lost the default route at 23:37; 251 live
 * flows still use it, 40 of them calls; wan2 is healthy.
 * @param clock writes a time in the reader's zone
 */
export function wanEventSentence(event: WanEventFacts, clock: (at: string) => string): string {
  return [`${event.wan} at ${event.siteName} ${event.failed} at ${clock(event.beganAt)}`, flowsPart(event), targetPart(event)]
    .filter((part) => part !== undefined)
    .join('; ');
}

function flowsPart({ state, using, cameBack }: WanEventFacts): string | undefined {
  if (state === 'flapping') return 'it fails and recovers too often to act';
  if (cameBack && sumOfKinds(cameBack.ended) > 0 && (!using || sumOfKinds(using.trying) === 0)) return cameBackSentence(cameBack);
  if (!using) return 'which flows use it is not known';
  const live = sumOfKinds(using.trying);
  if (live === 0) return 'no live flow uses it';
  const { calls } = using.trying;
  const ofThem = calls === 0 ? '' : calls === live ? ', all of them calls' : `, ${number(calls)} of them calls`;
  return `${number(live)} live ${live === 1 ? 'flow still uses' : 'flows still use'} it${ofThem}`;
}

function targetPart({ target }: WanEventFacts): string | undefined {
  if (!target) return 'no other WAN works';
  return target.isHealthy === undefined
    ? `${target.wan} carries the default route`
    : `${target.wan} is ${target.isHealthy ? 'healthy' : 'not answering'}`;
}

/** 40 of 40 calls are back on wan2 and answered; or how many are not. */
export function cameBackSentence({ ended, back, answered, byWan, isFinal }: CameBackFacts): string {
  const kinds = FLOW_KINDS.filter((kind) => ended[kind] > 0);
  const isCalls = kinds.length === 1 && kinds[0] === 'calls';
  const total = sumOfKinds(ended);
  const answers = sumOfKinds(answered);
  const unanswered = sumOfKinds(back) - answers;
  const missing = total - sumOfKinds(back);
  const noun = isCalls ? (total === 1 ? 'call' : 'calls') : total === 1 ? 'flow' : 'flows';
  const wans = Object.keys(byWan).toSorted((a, b) => byWan[b]! - byWan[a]! || (a < b ? -1 : 1));
  const where = wans.length === 0 ? '' : ` on ${wans.join(' and ')}`;
  const parts = [
    `${number(answers)} of ${number(total)} ${noun} ${total === 1 ? 'is' : 'are'} back${answers > 0 ? where : ''} and answered`,
  ];
  if (unanswered > 0) parts.push(`${number(unanswered)} ${unanswered === 1 ? 'is' : 'are'} back and not answered`);
  if (missing > 0) parts.push(`${number(missing)} ${missing === 1 ? 'is' : 'are'} not back${isFinal ? '' : ' yet'}`);
  return parts.join(', ');
}

function number(value: number): string {
  return value.toLocaleString('en-GB');
}
