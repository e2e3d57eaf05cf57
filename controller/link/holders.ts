/** What the session registry knows about who held a gateway's link. */
export interface Held {
  /** The start of the agent that holds the link, or held it last; undefined for an older agent, and before the first session. */
  instanceId?: string;
  /** The starts from which the link was taken, newest last. */
  superseded: readonly string[];
  /** How often it was taken from a live session, since then. */
  takeovers: number;
  takeoversSinceMs?: number;
  /** Whether the last session was neither closed nor silent. */
  isAlive: boolean;
}

/** What a new session changes: the new content of the registry, or that two agents hold one identity. */
export type Verdict =
  | { kind: 'holder'; next: Pick<Held, 'instanceId' | 'superseded' | 'takeovers' | 'takeoversSinceMs'> }
  | { kind: 'clones'; reason: string };

/** Starts of an agent that are remembered. An agent in a crash loop never comes back as an older start, so a few are enough. */
const MAX_SUPERSEDED = 16;
/**
 * A single agent notices within 30 s that its link broke, so that it rarely takes over its own session; two that share an identity do so
 * every second.
 */
const MAX_TAKEOVERS = 12;
const WINDOW_MS = 120_000;

/**
 * Who may hold the link, from the start of the agent that asks. A start ends before the next one of the same agent begins, so a superseded
 * start that comes back proves that two agents are alive. Agents from before `instance_id` are only recognised by how often they take the
 * link from each other.
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
