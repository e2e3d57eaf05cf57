import { NEW_STALE_REASONS } from '../stale.ts';
import { forEachTerm, type FieldName, type FlowFilter } from './filter.ts';

/** Fields that agents of version 0.1.0 do not know. */
const NEW_FIELDS = [
  'icmp-type',
  'icmp-code',
  'icmp-id',
  'key',
  'srckey',
  'dstkey',
  'rsrckey',
  'rdstkey',
  'orig-zone',
  'reply-zone',
  'next-wan',
] satisfies FieldName[];

/** Capabilities beyond those of all agents, so that no agent receives a filter that it does not fully understand. */
export const FILTER_ABILITIES: readonly string[] = [
  'filter:endpoint',
  'filter:none',
  ...NEW_FIELDS.map((field) => `filter:${field}`),
  ...NEW_STALE_REASONS.map((reason) => `filter:stale:${reason}`),
];

/** The abilities that an agent needs to understand all of a filter. */
export function abilitiesFor(filter: FlowFilter): string[] {
  const needed = new Set<string>();
  forEachTerm(filter, ({ field, match }) => {
    const word = match.kind === 'glob' ? `filter:${field}:${match.pattern}` : '';
    for (const ability of [`filter:${match.kind}`, `filter:${field}`, word]) if (FILTER_ABILITIES.includes(ability)) needed.add(ability);
  });
  return [...needed];
}

const WORDS: Record<string, string> = { 'filter:endpoint': 'an address and a port as one', 'filter:none': '“none”' };

/** Why an agent with these abilities cannot be queried with a filter, for people; undefined if it can. */
export function whyNotKnown(filter: FlowFilter, can: readonly string[]): string | undefined {
  const missing = abilitiesFor(filter)
    .filter((ability) => !can.includes(ability))
    .map((ability) => WORDS[ability] ?? wordOf(ability.slice('filter:'.length)));
  return missing.length === 0
    ? undefined
    : `its agent is older and does not know ${missing.join(', ')} in a filter; update it, or ask without`;
}

/** A field with its colon, or one of its words as typed. */
function wordOf(name: string): string {
  return name.includes(':') ? name : `${name}:`;
}
