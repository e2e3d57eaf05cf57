import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import { policyValue } from '../../proto/model/policy/write.ts';

const MAX_CHANGES = 50;
const MAX_TEXT = 80;

/** What differs between two documents, for people: `timeouts.icmp: 30s → 10s`. Of a policy that is new or gone, one of them is absent. */
export function changesBetween(before: PolicyDocument | undefined, after: PolicyDocument | undefined): string[] {
  const [old, now] = [valuesOf(before), valuesOf(after)];
  const changes = [...new Set([...old.keys(), ...now.keys()])].flatMap((path) => {
    const [from, to] = [old.get(path), now.get(path)];
    return from === to ? [] : [wordsFor(path, from, to)];
  });
  if (changes.length === 0 && before && after && ruleNames(before) !== ruleNames(after)) changes.push('rules: in another order');
  return changes.length > MAX_CHANGES ? [...changes.slice(0, MAX_CHANGES), `${changes.length - MAX_CHANGES} more`] : changes;
}

/** The first of them, and how many more there are. */
export function inShort(changes: readonly string[]): string {
  const [first, ...others] = changes;
  return first === undefined ? 'nothing' : others.length > 0 ? `${first} and ${others.length} more` : first;
}

function wordsFor(path: string, from: string | undefined, to: string | undefined): string {
  if (path.startsWith('rule ')) return `${path} ${from === undefined ? 'added' : to === undefined ? 'removed' : 'changed'}`;
  return `${path}: ${shortened(from)} → ${shortened(to)}`;
}

function shortened(text = 'nothing'): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()}…` : text;
}

/** Each value of a document by its path, as text. */
function valuesOf(document: PolicyDocument | undefined): Map<string, string> {
  const values = new Map<string, string>();
  if (!document) return values;
  values.set('name', document.metadata.name);
  const walk = (path: string, value: unknown): void => {
    if (Array.isArray(value)) values.set(path, value.join(', ') || 'none');
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(path === '' ? key : `${path}.${key}`, inner);
    else if (value !== undefined) values.set(path, String(value));
  };
  const { rules = [], ...spec } = (policyValue(document) as { spec: { rules?: { name: string }[] } }).spec;
  walk('', spec);
  for (const rule of rules) values.set(`rule ${rule.name}`, JSON.stringify(rule));
  return values;
}

function ruleNames({ spec }: PolicyDocument): string {
  return JSON.stringify(spec.rules.map(({ name }) => name));
}
