import { MAX_GATEWAYS, type Enrolment } from '../../../proto/http/rollouts.ts';
import { parsePrefix } from '../../../proto/model/address.ts';
import { namePatternProblem } from '../../../proto/model/name-pattern.ts';

/** Prefixes as people type them: with commas, spaces or both. */
export function sourcesOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((one) => one !== '');
}

/** What the form still lacks, as a sentence; undefined if nothing. */
export function missingOf(of: { gateways: string; pattern: string; from: string; hasSite: boolean }): string | undefined {
  const count = /^\d{1,4}$/.test(of.gateways) ? Number(of.gateways) : 0;
  if (count < 1 || count > MAX_GATEWAYS) return `Say for how many gateways: 1 to ${MAX_GATEWAYS}.`;
  if (of.pattern.trim() === '') return 'Say how the gateways are named.';
  const problem = namePatternProblem(of.pattern.trim(), { isMany: count > 1, hasSite: of.hasSite });
  if (problem !== undefined) return `The pattern of names ${problem}.`;
  const wrong = sourcesOf(of.from).find((one) => parsePrefix(one) === undefined);
  return wrong === undefined ? undefined : `${wrong} is no prefix such as 198.51.100.0/24.`;
}

/** Those that await a decision first, the longest-waiting at the top: one that comes in moves no other under a finger. Then the newest. */
export function inOrder(all: readonly Enrolment[]): Enrolment[] {
  const waiting = all.filter(({ state }) => state === 'waiting').toSorted((a, b) => a.id.localeCompare(b.id));
  return [...waiting, ...all.filter(({ state }) => state !== 'waiting')];
}

/** The mark of the list, by id: the marked row if it still waits, otherwise the next that does, otherwise the last. */
export function markOf(waiting: readonly string[], marked: { id: string; at: number } | undefined): { id: string; at: number } | undefined {
  if (waiting.length === 0) return undefined;
  const found = marked ? waiting.indexOf(marked.id) : 0;
  const at = found >= 0 ? found : Math.min(marked!.at, waiting.length - 1);
  return { id: waiting[at]!, at };
}
