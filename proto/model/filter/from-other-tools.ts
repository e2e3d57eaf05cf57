import { fromConntrackArguments, isConntrackArguments } from './conntrack-arguments.ts';
import { fromArrowLine, fromConntrackLines, fromSipAddress, fromSocketLine, isConntrackLine } from './flow-lines.ts';
import { fromFortios, fromPacketFilter, fromPfctl } from './packet-filters.ts';
import type { FilterProblem } from './filter.ts';

/** True for what another program prints or takes although this grammar could read it, as something else. */
export function isFromElsewhere(text: string): boolean {
  return isConntrackArguments(text) || (text.length <= MAX_PASTED && isConntrackLine(text));
}

/**
 * What a text asks that another program printed or takes, as a problem of all of it with the same filter as its suggestion. Undefined if it
 * is none.
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

/** Of what is pasted; a longer text is a filter that somebody made. */
const MAX_PASTED = 10_000;

const CONVERTERS: [message: string, convert: (text: string) => string | Partial<FilterProblem> | undefined][] = [
  ['This is an entry as the conntrack program prints it', fromConntrackLines],
  ['This is a socket as ss and netstat print it', fromSocketLine],
  ['This is a flow as other programs print it', fromArrowLine],
  ['This is an address of SIP', fromSipAddress],
  ['These are the words of FortiOS', fromFortios],
  ['These are arguments of pfctl', fromPfctl],
  ['This is an expression of tcpdump, pf or nft', fromPacketFilter],
];
