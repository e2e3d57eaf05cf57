import type { Client } from '../client/client.ts';
import { subscribe } from '../client/subscribe.ts';
import { isOpen, rolloutSentence, rolloutTrouble, withRolloutEvent } from '../client/words/policy-rollout-words.ts';
import type { PolicyRollout, RolloutTargetState } from '../proto/http/policy-rollouts.ts';
import { routes } from '../proto/http/routes.ts';
import { toPrintable } from '../proto/model/text.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';

const UNFINISHED: ReadonlySet<RolloutTargetState> = new Set(['waiting', 'offline', 'applying', 'confirming']);

/** Follows a roll-out to its end, with a line for each gateway as it ends there. Ctrl-C only stops following. Returns the exit code. */
export async function followRollout(io: Io, client: Client, id: string): Promise<number> {
  const told = new Set<string>();
  const last = await new Promise<PolicyRollout | undefined>((resolve, reject) => {
    let seen: PolicyRollout | undefined;
    const off = io.onInterrupt(() => end(undefined));
    const stop = subscribe(
      client,
      routes.watchPolicyRollout,
      { params: { id } },
      {
        now: io.now,
        onState(state) {
          if (state.kind !== 'refused') return;
          off();
          reject(state.error);
        },
        onEvent(event) {
          seen = withRolloutEvent(seen, event);
          if (!seen) return;
          for (const { gatewayId, gatewayName, state, reason } of seen.targets) {
            if (UNFINISHED.has(state) || told.has(gatewayId)) continue;
            told.add(gatewayId);
            io.write(`${toPrintable([`${gatewayName}: ${state}`, reason].filter(Boolean).join(', '))}\n`);
          }
          if (!isOpen(seen) || seen.state === 'awaiting-approval') end(seen);
        },
      },
    );

    function end(rollout: PolicyRollout | undefined): void {
      off();
      stop();
      resolve(rollout);
    }
  });
  if (!last) {
    io.say(`The roll-out goes on: ${id}. The console shows it under Policies`);
    return EXIT.interrupted;
  }
  for (const sentence of [rolloutSentence(last), rolloutTrouble(last)]) if (sentence !== undefined) io.write(`${toPrintable(sentence)}\n`);
  if (last.state === 'awaiting-approval') return EXIT.refused;
  return last.state === 'confirmed' ? EXIT.done : last.state === 'failed' ? EXIT.failed : EXIT.partial;
}
