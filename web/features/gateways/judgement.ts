import type { Gateway } from '../../../proto/http/fleet.ts';
import { count, counted, lasting, percent, short } from '../../../client/words/format.ts';
import type { StateKind } from '../../../client/words/state-kind.ts';
import { GATEWAY_STATES } from '../../../client/words/gateway-words.ts';
import { needOf, strandedSentence, type Need, type Stale } from './need.ts';
import { wanFaultWords } from '../../../client/words/wan-words.ts';

/** The verdict on a gateway; every page uses these words. */
export interface Judgement {
  kind: StateKind;
  /** One word or two, for a row and a pill. */
  word: string;
  /** One sentence, without the time at which the table will be full (`fullAtMs`), because that depends on the reader's clock. */
  head: string;
  /** The cause, as far as it is known. */
  cause: string;
  fullAtMs?: number;
  /** Why it needs attention; absent if it needs none. */
  need?: Need;
}

/** Is it healthy, and if not, why? `stale`: what the gateway itself counts as stuck; absent if unknown. */
export function judge(gateway: Gateway, nowMs: number, stale?: Stale): Judgement {
  const need = needOf(gateway, nowMs, stale);
  return need ? { kind: need.kind, word: need.word, need, ...needWords(need, nowMs) } : quietWords(gateway, stale);
}

function needWords(need: Need, nowMs: number): Pick<Judgement, 'head' | 'cause' | 'fullAtMs'> {
  const { gateway, why } = need;
  const { usage, tableError = '' } = gateway;
  const fill = fillWords(gateway);
  const cause = shareWords(gateway);
  switch (why) {
    case 'set-aside':
      return { head: 'Set aside: two agents hold its identity.', cause: 'One of them may be a clone. Nothing is taken from either.' };
    case 'offline':
      return {
        head: `Silent for ${need.measure}.`,
        cause:
          fill && usage
            ? `The last sample, ${lasting((nowMs - Date.parse(usage.at)) / 1000)} old, says ${fill}. Nothing newer is known.`
            : 'It never sent a sample.',
      };
    case 'blind':
      return {
        head: 'Connected, but it cannot see its table.',
        cause: `${tableError.replace(/\.$/, '')}. The agent looks again by itself.`,
      };
    case 'certificate':
      return {
        head: need.kind === 'failed' ? 'Its certificate has ended.' : `Its certificate ends in ${need.measure}, and was not renewed.`,
        cause: 'Without one it has no link. Its agent’s log says why; an agent older than renewal must be updated.',
      };
    case 'full':
      return { head: `${fill}: ${usage!.count >= usage!.max! ? 'new flows find no room' : 'little room is left'}.`, cause };
    case 'filling':
      return {
        head: `${fill} and filling by ${short(usage!.perMinute ?? 0)} a minute: full in about ${need.measure}`,
        cause,
        fullAtMs: Date.parse(usage!.at) + usage!.minutesToFull! * 60_000,
      };
    case 'stranded':
      return { head: `${strandedSentence(need)}.`, cause: `${need.evidence}; the table is ${fill}.` };
    case 'drops':
      return {
        head: `${counted(usage!.lost ?? 0, 'packet')} got no entry in the last ten minutes and ${usage!.lost === 1 ? 'was' : 'were'} lost; the table is ${fill}.`,
        cause,
      };
  }
}

function quietWords(gateway: Gateway, stale: Stale | undefined): Judgement {
  const { state, usage } = gateway;
  if (state === 'never-connected')
    return {
      kind: 'never',
      word: 'Never connected',
      head: 'Not connected yet.',
      cause: 'It joins when its enrolment command has run on the gateway.',
    };
  if (state === 'revoked')
    return {
      kind: 'failed',
      word: 'Revoked',
      head: 'Its identity was taken away.',
      cause: 'It can connect again only by a new enrolment.',
    };
  if (state === 'reconnecting')
    return {
      kind: 'waiting',
      word: 'Reconnecting',
      head: 'Reconnecting.',
      cause: 'The controller that held its link has stopped; it dials another by itself.',
    };
  if (state !== 'online') return { ...GATEWAY_STATES[state], head: 'Not connected.', cause: '' };
  if (!usage) return { kind: 'waiting', word: 'No samples yet', head: 'Connected; no samples yet.', cause: 'The first comes within 10 s.' };
  const faults = wanFaultWords(gateway.wans);
  const fill = fillWords(gateway)!;
  if (faults !== undefined)
    return {
      kind: 'warn',
      word: faults,
      head: `${faults}; the table is ${fill}.`,
      cause: stale?.flows === 0 ? 'Nothing is still trying there.' : shareWords(gateway),
    };
  return { kind: 'ok', word: 'Healthy', head: `Healthy: ${fill}, ${trendWords(usage.perMinute)}.`, cause: shareWords(gateway) };
}

function fillWords({ usage }: Gateway): string | undefined {
  return usage && (usage.max ? `${percent(usage.count, usage.max)} full` : `${count(usage.count)} entries, limit not known`);
}

/** The largest state and its largest source, each as far as known. */
function shareWords({ usage }: Gateway): string {
  const [state, flows] = Object.entries(usage?.byState ?? {}).toSorted(([, a], [, b]) => b - a)[0] ?? [];
  const top = usage?.topSources?.[0];
  const parts = [
    state !== undefined && flows !== undefined && `${percent(flows, usage!.count)} of the table is ${state}`,
    top && `${percent(top.flows, usage!.count)} comes from ${top.address}`,
  ].filter(Boolean);
  return parts.length > 0 ? `${parts.join('; ')}.` : '';
}

function trendWords(perMinute: number | undefined): string {
  if (perMinute === undefined) return 'trend not known yet';
  return Math.abs(perMinute) < 1 ? 'steady' : `${perMinute > 0 ? 'rising' : 'falling'} by ${short(Math.abs(perMinute))} a minute`;
}
