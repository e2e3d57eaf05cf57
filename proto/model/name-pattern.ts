import { textProblem } from './text.ts';

/** The longest name of a gateway. */
const MAX_NAME = 100;
/** More numbers than a tenant has gateways. */
const MAX_NUMBER = 100_000;
const PLACEHOLDER = /\{([^{}]*)\}/g;
const KNOWN = ['hostname', 'site', 'n'];
/** What a machine may call itself to become part of a name. */
const HOSTNAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/**
 * How the gateways of a roll-out are named: text with `{hostname}`, `{site}` and `{n}`, the lowest number whose name is free. Why a pattern
 * cannot name `isMany` gateways; undefined if it can.
 */
export function namePatternProblem(pattern: string, { isMany, hasSite }: { isMany: boolean; hasSite: boolean }): string | undefined {
  const unknown = [...pattern.matchAll(PLACEHOLDER)].find(([, word]) => !KNOWN.includes(word!));
  if (unknown) return `has ${unknown[0]}; there are {hostname}, {site} and {n}`;
  if (/[{}]/.test(pattern.replace(PLACEHOLDER, ''))) return 'has a brace without its partner';
  const differs = /\{(hostname|n)\}/.test(pattern) || (!hasSite && pattern.includes('{site}'));
  if (isMany && !differs) return 'gives every gateway the same name; use {hostname} or {n}';
  return textProblem(pattern);
}

/** What one gateway may be called is `text`, or begins with it where the pattern counts. */
export function namesOf(pattern: string, of: { hostname: string; site: string }): { text: string; isBeginning: boolean } {
  const counted = pattern.indexOf('{n}');
  const text = filled(counted < 0 ? pattern : pattern.slice(0, counted), of, '');
  return counted < 0 ? { text: text.trim(), isBeginning: false } : { text: text.trimStart(), isBeginning: true };
}

/** The name of one gateway, or why it has none. */
export function nameFrom(
  pattern: string,
  of: { hostname: string; site: string },
  isTaken: (name: string) => boolean,
): { name: string } | { problem: string } {
  if (pattern.includes('{hostname}') && !HOSTNAME.test(of.hostname))
    return { problem: 'The machine’s hostname cannot be part of a gateway’s name. Set one of letters, digits, dots and hyphens.' };
  const named = (n: number): string => filled(pattern, of, String(n)).trim();
  const isNumbered = pattern.includes('{n}');
  let [n, name] = [1, named(1)];
  while (isNumbered && isTaken(name) && n < MAX_NUMBER) name = named(++n);
  if (name.length > MAX_NAME) return { problem: `The gateway’s name would be longer than ${MAX_NAME} characters.` };
  if (isTaken(name)) {
    const cure = 'If it is this machine, enrol it again by a token from its page; otherwise rename the machine.';
    return { problem: `This tenant already has a gateway named ${name}. ${cure}` };
  }
  return { name };
}

function filled(pattern: string, { hostname, site }: { hostname: string; site: string }, n: string): string {
  return pattern.replace(PLACEHOLDER, (_, word: string) => (word === 'n' ? n : word === 'site' ? site : hostname));
}
