import type { Client } from '../client/client.ts';
import { subscribe } from '../client/subscribe.ts';
import { count, counted } from '../client/words/format.ts';
import {
  blockedSentence,
  doneOf,
  doneWord,
  flushSentence,
  targetWord,
  troubleSentence,
  undoSeconds,
  withEvent,
  type Target,
} from '../client/words/flush-words.ts';
import type { Flush } from '../proto/http/flushes.ts';
import { routes } from '../proto/http/routes.ts';
import { toPrintable } from '../proto/model/text.ts';
import type { Call } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { toJson } from './output/render.ts';
import { toYaml } from './output/yaml.ts';
import { isForReading, styleOf } from './style.ts';

const UNFINISHED: ReadonlySet<Target['state']> = new Set(['waiting', 'running', 'verifying']);

/**
 * Follows a flush to its end, with a line for each gateway as it ends there. Ctrl-C, also one before, only stops following. Returns the
 * exit code of its outcome.
 */
export async function followFlush(
  { io, given }: Pick<Call, 'io' | 'given'>,
  client: Client,
  id: string,
  wasInterrupted: () => boolean = () => false,
): Promise<number> {
  if (wasInterrupted()) return detached();
  const style = styleOf(given, io);
  const line = (text: string): void => (isForReading(style) ? io.write(`${toPrintable(text)}\n`) : io.say(toPrintable(text)));
  const told = new Set<string>();
  const flush = await new Promise<Flush | undefined>((resolve, reject) => {
    let seen: Flush | undefined;
    const off = io.onInterrupt(() => end(undefined));
    const stop = subscribe(
      client,
      routes.watchFlush,
      { params: { id } },
      {
        now: io.now,
        onState(state) {
          if (state.kind === 'waiting' && seen?.state === 'running')
            io.say('The controller does not answer; the flush goes on. Trying again');
          if (state.kind !== 'refused') return;
          off();
          reject(state.error);
        },
        onEvent(event) {
          seen = withEvent(seen, event);
          if (!seen) return;
          for (const target of seen.targets.filter(({ state, gatewayId }) => !UNFINISHED.has(state) && !told.has(gatewayId))) {
            told.add(target.gatewayId);
            line(targetLine(seen, target));
          }
          if (seen.state !== 'running') end(seen);
        },
      },
    );

    function end(last: Flush | undefined): void {
      off();
      stop();
      resolve(last);
    }
  });
  if (!flush) return detached();
  // The stream may have ended before the last words about a gateway.
  const last = await client.call(routes.getFlush, { params: { id } });
  tell(last);
  return exitOf(last);

  function tell(flush: Flush): void {
    if (style.format === 'json' || style.format === 'ndjson') io.write(toJson(flush));
    else if (style.format === 'yaml') io.write(toYaml(flush));
    else if (style.format === 'name') io.write(`${flush.id}\n`);
    const undo = undoSeconds(flush, io.now());
    const sentences = [
      `${flushSentence(flush)}.`,
      blockedSentence(flush),
      troubleSentence(flush),
      undo === undefined ? undefined : `To undo within ${counted(Math.floor(undo), 'second')}: ctfleet flushes undo ${flush.id}`,
    ];
    for (const sentence of sentences) if (sentence !== undefined) line(sentence);
  }

  function detached(): number {
    io.say(`The flush goes on. To follow it again: ctfleet flushes watch ${id}; to stop it: ctfleet flushes stop ${id}`);
    return EXIT.interrupted;
  }
}

/** `gw-milano: verified, 312 of 312 deleted`. */
export function targetLine(flush: Pick<Flush, 'kind' | 'method'>, target: Target): string {
  const { gatewayName, totals, reason, blocked } = target;
  const done = `${count(doneOf(totals))} of ${count(totals.planned)} ${doneWord(flush)}`;
  return [`${gatewayName}: ${targetWord(target)}`, done, blocked?.words, reason].filter((part) => part !== undefined).join(', ');
}

/** The code for what a flush came to. */
export function exitOf({ state }: Pick<Flush, 'state'>): number {
  return state === 'verified' ? EXIT.done : state === 'failed' ? EXIT.failed : EXIT.partial;
}
