import { HELPERS } from './helpers.ts';
import { aboutTimeout, isTimeoutKey, SWITCHES } from './settings.ts';

/** What a field of a rule does, and what goes wrong with it. */
const RULE_FIELDS = {
  name: 'By this name the rule is spoken of, and a narrower policy replaces it: a rule of the same name there takes its place as a whole.',
  'match.proto':
    'What crosses the gateway: tcp, udp, icmp, gre, or a number. Ports, idle timeouts and helpers need it, since each is of one protocol.',
  'match.src':
    'Addresses or prefixes that a connection comes from, before translation; one of them is enough. Replies need no rule of their own.',
  'match.dst': 'Addresses or prefixes that a connection goes to, before translation; one of them is enough.',
  'match.sport': 'Ports that it comes from, such as 5060 or 10000-20000. Clients choose theirs freely, so that this seldom says much.',
  'match.dport': 'Ports that it goes to, such as 5060, https or 10000-20000.',
  'match.iif': 'Interfaces that it comes in by; eth* stands for all that begin so.',
  'match.oif': 'Interfaces that it leaves by. The way out is known late: helper, idle timeout and mode off cannot depend on it.',
  'match.zone': 'The conntrack zone, where tenants of one gateway share addresses. Mode off cannot depend on it.',
  'match.mark': 'The mark of the packet, not of the connection: 0x100, or 0x100/0xff00 for some of its bits.',
  mode:
    'Off: no entry, no translation, and replies pass only by a rule of their own; look for a helper first, which is always the safer way. ' +
    'Loose joins a connection in the middle, normal wants its beginning, strict also its window and checksum.',
  idleTimeout:
    'How long a quiet connection of this rule stays; it comes before the timeouts above, and never cuts one that is in use. Long times for ' +
    'UDP fill the table, since nothing closes such a flow; short ones for TCP cut SSH and databases.',
  helper:
    'Reads this protocol at ports other than its usual ones and lets its second connections through. Where a protocol does not pass with ' +
    'tracking on, this is the answer, not mode off.',
  'limits.perSource':
    'Connections of one source at the same time; the next waits until one ends. An office behind one address counts as one source.',
  'limits.perDestination':
    'Connections to one destination at the same time, to protect a server. It holds for connections that begin from now on.',
  'limits.answer':
    'What a connection beyond the limit gets. A reset tells a TCP client at once; drop lets it wait. Other protocols are dropped.',
} as const;
export type RuleField = keyof typeof RULE_FIELDS;

const OTHERS: Readonly<Record<string, string>> = {
  'metadata.name': 'Unique among the policies of its tenant, or of the installation. Of two on one level, the later in the alphabet wins.',
  profile:
    'A set of timeouts to begin with; each one below comes before it. Normal suits most gateways; busy-nat frees entries sooner, at the ' +
    'price of long-lived quiet connections.',
  helpers:
    'At their usual ports. A helper lets the second connections of its protocol through; without the right one, calls are silent and ' +
    'transfers hang. Look here before tracking is switched off for such a protocol.',
};
const BY_PATH = new Map<string, string>([
  ...SWITCHES.map(({ path, help }) => [path, help] as const),
  ...Object.entries(OTHERS),
  ...Object.entries(RULE_FIELDS).map(([field, help]) => [`rules.${field}`, help] as const),
  ...Object.entries(HELPERS).map(([name, { help, ports }]) => {
    const where = ports.map(({ proto, port }) => `${proto} ${port}`).join(' and ');
    return [`helpers.${name}`, `For ${help}, at ${where}. ${OTHERS.helpers}`] as const;
  }),
]);

/** What stands beside a field of a policy's form, by its place in the document: `timeouts.tcp.established`, `rules.match.src`. */
export function guidanceOf(path: string): string | undefined {
  const key = path.startsWith('timeouts.') ? path.slice('timeouts.'.length) : '';
  return isTimeoutKey(key) ? (aboutTimeout(key)?.help ?? 'A timeout by the kernel’s own name.') : BY_PATH.get(path);
}

export const RULE_FIELD_NAMES = Object.keys(RULE_FIELDS) as readonly RuleField[];
