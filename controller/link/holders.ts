/** What the session registry knows of who held a gateway's link. */
export interface Held {
  /** Of the agent that holds the link, or held it last; undefined for an older agent, and before the first session. */
  instanceId?: string;
  /** Of those from whom it was taken, newest last. */
  superseded: readonly string[];
  /** How often it was taken from a session that was alive, since then. */
  takeovers: number;
  takeoversSinceMs?: number;
  /** Whether the last session was neither closed nor silent. */
  isAlive: boolean;
}

/** What a new session makes of it: the registry's next words, or that two agents hold one identity. */
export type Verdict =
  | { kind: 'holder'; next: Pick<Held, 'instanceId' | 'superseded' | 'takeovers' | 'takeoversSinceMs'> }
  | { kind: 'clones'; reason: string };

/** Starts of an agent that are remembered. One that crashes again and again never comes back as an older start, so few are enough. */
const MAX_SUPERSEDED = 16;
/**
 * An agent alone notices within 30 s that its link broke, so that it takes its own place seldom; two that share an identity do it each
 * second.
 */
const MAX_TAKEOVERS = 12;
const WINDOW_MS = 120_000;

/**
 * Who may hold the link, from the start of the agent that asks. A start ends before the next one of the same agent begins; so one that was
 * superseded and comes back says that two are alive. Agents of before `instance_id` are known only by how often they take the link from
 * each other.
 */
export function judgeHolder(held: Held, instanceId: string, nowMs: number): Verdict {
  if (instanceId !== '' && instanceId !== held.instanceId && held.superseded.includes(instanceId)) {
    return { kind: 'clones', reason: 'two agents hold this identity: one that was superseded came back while another holds the link' };
  }
  const isInWindow = held.takeoversSinceMs !== undefined && nowMs - held.takeoversSinceMs < WINDOW_MS;
  const takeovers = (isInWindow ? held.takeovers : 0) + (held.isAlive ? 1 : 0);
  if (takeovers > MAX_TAKEOVERS) {
    return {
      kind: 'clones',
      reason: `two agents seem to hold this identity: the link was taken ${takeovers} times in ${WINDOW_MS / 60_000} minutes from a session that was alive`,
    };
  }
  const isOther = held.instanceId !== undefined && held.instanceId !== instanceId;
  return {
    kind: 'holder',
    next: {
      instanceId: instanceId === '' ? held.instanceId : instanceId,
      superseded: instanceId !== '' && isOther ? [...held.superseded, held.instanceId!].slice(-MAX_SUPERSEDED) : held.superseded,
      takeovers,
      takeoversSinceMs: isInWindow ? held.takeoversSinceMs : takeovers > 0 ? nowMs : undefined,
    },
  };
}
