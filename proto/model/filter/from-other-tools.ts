import { fromConntrackArguments, isConntrackArguments } from './conntrack-arguments.ts';
import { fromArrowLine, fromConntrackLines, fromSipAddress, fromSocketLine, isConntrackLine } from './flow-lines.ts';
import { fromFortios, fromPacketFilter, fromPfctl } from './packet-filters.ts';
import type { FilterProblem } from './filter.ts';

/** True for another program's input or output that this grammar would misread. */
export function isFromElsewhere(text: string): boolean {
  return isConntrackArguments(text) || (text.length <= MAX_PASTED && isConntrackLine(text));
}

/**
 * Recognises another program's input or output: a problem spanning the whole text, with the equivalent filter as its suggestion. Undefined
 * for anything else.
 */
export function fromOtherTools(text: string): FilterProblem | undefined {
  if (isConntrackArguments(text)) return fromConntrackArguments(text);
  if (text.length > MAX_PASTED) return undefined;
  const all = { start: 0, end: text.length };
  for (const [message, convert] of CONVERTERS) {
    const found = convert(text);
    if (found === undefined) continue;
    return typeof found === 'string' ? { message, ...all, suggestion: found } : { message, ...all, ...found };
  }
  return undefined;
}

/** Maximum length of pasted text; a longer text is a filter that somebody wrote. */
const MAX_PASTED = 10_000;

const CONVERTERS: [message: string, convert: (text: string) => string | Partial<FilterProblem> | undefined][] = [
  ['This is an entry as printed by the conntrack program', fromConntrackLines],
  ['This is a socket as printed by ss and netstat', fromSocketLine],
  ['This is a flow as printed by other programs', fromArrowLine],
  ['This is a SIP address', fromSipAddress],
  ['This is FortiOS syntax', fromFortios],
  ['These are arguments of pfctl', fromPfctl],
  ['This is an expression in the syntax of tcpdump, pf or nft', fromPacketFilter],
];
