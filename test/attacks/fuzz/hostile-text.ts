import type { Random } from './random.ts';

const WORDS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\u001b[31m',
  '\u200b',
  '\u202e',
  '\ud800',
  'x\udfff',
  '\ufeff',
  '=1+1',
  '-0',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  '%00',
  '%',
  '%ZZ',
  "'; DROP TABLE gateway; --",
  '${7*7}',
  '{{7*7}}',
  '<script>',
  '\r\nX: y',
  'e\u0301',
  '🏴󠁧󠁢󠁳󠁣󠁴󠁿',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '275760-09-13T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '1e400',
  'NaN',
  '0x10',
  '٣',
  'site',
  '* * * * *',
  '@yearly',
  '0 0 30 2 *',
  'Europe/Rome',
  'Etc/GMT+99',
  'INTERNAL',
  'GATEWAY_OFFLINE',
  'tcp',
  'udp',
  'ESTABLISHED',
  'wan1',
  '*',
  'ha:pair',
];
const FILTERS = [
  'proto:udp',
  'dport:5060',
  'src:10.0.0.0/8',
  '-proto:tcp',
  'port:53 | port:5060',
  '(proto:tcp state:ESTABLISHED) | stale:yes',
  'wan:$wan',
  'ip:0.0.0.0/0',
  'ip:::/0',
  'mark:0x1/0xff',
  'bytes:>1M',
  'age:<10s',
  'tenant:Acme',
  'src:',
  '((((',
  ')',
  '"',
  'port:99999',
  'port:5-1',
  'mark:0xfffffffff',
  'nonsense:1',
  'src:300.1.1.1',
  'src:10.0.0.0/99',
  'bytes:>1e999',
];

/** Text that a careless program does not expect. Lone surrogates become U+FFFD when they are encoded as UTF-8. */
export function hostileText(random: Random): string {
  switch (random.below(12)) {
    case 0:
      return random.pick(WORDS).repeat(1 + random.below(300));
    case 1:
      return 'x'.repeat(random.pick([63, 64, 65, 100, 101, 255, 256, 500, 501, 3000, 20_001]));
    case 2:
      return String.fromCodePoint(...Array.from({ length: 1 + random.below(12) }, () => random.below(0x300)));
    case 3:
      return `${random.pick(WORDS)}${random.pick(WORDS)}`;
    default:
      return random.pick(WORDS);
  }
}

/** The text of a filter: valid, invalid, or far too deep. */
export function filterText(random: Random): string {
  if (random.perMille(850)) return random.pick(FILTERS);
  const depth = random.pick([8, 32, 64, 300, 3000]);
  return random.pick(['-(', '(', '-'].map((open) => `${open}port:2 `.repeat(depth) + random.pick(['', ')'.repeat(depth)])));
}

const SPECS = [
  '{}',
  '{ profile: normal }',
  '{ timeouts: { icmp: 10s, tcp: { established: 1h } }, helpers: [ftp] }',
  '{ rules: [{ name: a, match: { dst: 224.0.0.0/4 }, mode: off }, { name: b, limits: { perSource: 20 } }] }',
  '{ table: { max: 1e9 } }',
  '{ timeouts: { icmp: 10 } }',
  '{ rules: [{ name: a }, { name: a }] }',
  '&a { rules: [*a] }',
  '!!js/function x',
  '"',
];

/** The document of a policy: valid, with one name of few or of many, or damaged. */
export function policyText(random: Random, isHonest: boolean): string {
  const name = isHonest || random.perMille(800) ? `p${random.below(300)}` : JSON.stringify(hostileText(random));
  const spec = isHonest ? SPECS[random.below(4)]! : random.pick(SPECS);
  const text = `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
  if (isHonest || random.perMille(600)) return text;
  const at = random.below(text.length);
  return random.pick([
    text.slice(0, at),
    text.slice(0, at) + hostileText(random) + text.slice(at),
    text.repeat(2),
    '['.repeat(at),
    hostileText(random),
  ]);
}
