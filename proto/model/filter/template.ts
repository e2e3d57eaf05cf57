import { parsePrefix } from '../address.ts';
import type { FilterProblem, FlowFilter } from './filter.ts';
import { parseFilter } from './parse.ts';

/** What a remediation's trigger is about; substituted for `$wan` and `$address`. */
export interface TemplateNames {
  wan?: string;
  address?: string;
}

const PLACEHOLDER = /\$([a-z]+)/gi;

/** The names that a text refers to, each once. */
export function placeholdersOf(text: string): string[] {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map(([, name]) => name!))];
}

/**
 * The filter of a text with its names substituted. A WAN's name is quoted, and an address is validated, so whatever they contain stays one
 * value. A missing name is a problem, never left out.
 */
export function fillFilter(text: string, names: TemplateNames): { filter: FlowFilter; text: string } | { problem: FilterProblem } {
  for (const { 0: found, 1: name, index } of text.matchAll(PLACEHOLDER)) {
    if (valueOf(name!, names) === undefined)
      return { problem: { message: `There is no value for ${found}`, start: index, end: index + found.length } };
  }
  const filled = text.replaceAll(PLACEHOLDER, (_, name: string) => valueOf(name, names)!);
  const parsed = parseFilter(filled);
  return 'problem' in parsed ? parsed : { filter: parsed.filter, text: filled };
}

/** A WAN's name as one value of a filter. */
export function wanValue(wan: string): string {
  return `"${wan.replaceAll(/["\\]/g, '?')}"`;
}

function valueOf(name: string, { wan, address }: TemplateNames): string | undefined {
  if (name === 'wan' && wan !== undefined) return wanValue(wan);
  return name === 'address' && address !== undefined && parsePrefix(address) ? address : undefined;
}
