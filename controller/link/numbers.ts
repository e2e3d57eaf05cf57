/** The numbers that only rise: of the last command of a gateway, and of its last session. */
export interface Numbers {
  seq: bigint;
  epoch: bigint;
}

/** What to do if the agent has seen other numbers than the database. */
export type NumbersVerdict = { kind: 'known' } | { kind: 'behind' } | { kind: 'impossible'; reason: string };

/** No backup is so old that a gateway received more commands, or sessions, since. */
const MAX_AHEAD = 1_000_000n;

/**
 * Compares what an agent has seen with the database. An agent that is ahead met this controller before its database was restored from a
 * backup; the higher number counts. If no restore can explain the jump, the agent's state is damaged or the agent lies.
 */
export function judgeNumbers(known: Numbers, seen: Numbers): NumbersVerdict {
  if (seen.seq > known.seq + MAX_AHEAD || seen.epoch > known.epoch + MAX_AHEAD) {
    return {
      kind: 'impossible',
      reason: `The agent has seen command ${seen.seq} and session ${seen.epoch}; this controller is at ${known.seq} and ${known.epoch}, and no restored backup explains that. Revoke the gateway and enrol it again.`,
    };
  }
  return seen.seq > known.seq || seen.epoch > known.epoch ? { kind: 'behind' } : { kind: 'known' };
}
