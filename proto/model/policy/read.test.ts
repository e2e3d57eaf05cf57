import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryDocument } from '../../../test/support/arbitrary-policy.ts';
import { IS_WHOLE } from '../../../test/support/whole.ts';
import { MAX_POLICY_BYTES } from './limits.ts';
import type { PolicyProblem } from './problem.ts';
import { readPolicy } from './read.ts';
import { policyValue, writePolicy } from './write.ts';

const EXAMPLE = `apiVersion: ctfleet/v1
kind: TrackingPolicy
metadata: { name: busy-nat, tenant: acme }
spec:
  table: { max: 262144, buckets: 65536 }
  timeouts: { tcp: { established: 1h, timeWait: 30s }, udp: { unreplied: 30s, replied: 60s } }
  helpers: [ftp, sip]
  rules:
    - { name: trunk, match: { proto: udp, dport: 5060 }, mode: normal, idleTimeout: 3m }
    - { name: guests, match: { src: 10.1.0.0/16 }, limits: { perSource: 20, answer: reset } }
    - { name: multicast, match: { dst: 224.0.0.0/4 }, mode: off }
`;

/** A policy with these lines below `spec:`, which begins in line 4. */
const withSpec = (lines: string): string => `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: x }\nspec:\n${lines}\n`;
const problemsOf = (text: string): PolicyProblem[] => {
  const read = readPolicy(text);
  return 'problems' in read ? read.problems : [];
};
/** Each as `line:column path: message; cure`. */
const saidOf = (text: string): string[] =>
  problemsOf(text).map(({ line, column, path, message, cure }) => `${line}:${column} ${path}: ${message}; ${cure}`);

it('the documented example reads as what it means', () => {
  expect(readPolicy(EXAMPLE)).toEqual({
    document: {
      metadata: { name: 'busy-nat', tenant: 'acme' },
      spec: {
        table: { max: 262_144, buckets: 65_536 },
        timeouts: { 'tcp.established': 3600, 'tcp.timeWait': 30, 'udp.unreplied': 30, 'udp.replied': 60 },
        helpers: ['ftp', 'sip'],
        rules: [
          { name: 'trunk', match: { proto: 'udp', dport: [{ from: 5060, to: 5060 }] }, mode: 'normal', idleTimeoutSeconds: 180 },
          { name: 'guests', match: { src: ['10.1.0.0/16'] }, limits: { perSource: 20, answer: 'reset' } },
          { name: 'multicast', match: { dst: ['224.0.0.0/4'] }, mode: 'off' },
        ],
      },
    },
  });
});

describe('what is written', () => {
  it('reads as the same document, as YAML and as JSON, whatever its names hold', () => {
    fc.assert(
      fc.property(arbitraryDocument, (document) => {
        expect(readPolicy(writePolicy(document))).toEqual({ document });
        expect(readPolicy(JSON.stringify(policyValue(document)))).toEqual({ document });
      }),
      { numRuns: IS_WHOLE ? 5000 : 200 },
    );
  });

  it('is the same text again', () => {
    fc.assert(
      fc.property(arbitraryDocument, (document) => {
        const text = writePolicy(document);
        const read = readPolicy(text);
        expect('document' in read && writePolicy(read.document)).toBe(text);
      }),
      { numRuns: IS_WHOLE ? 2000 : 50 },
    );
  });

  it('has the answer of a rule that denies, a drop unless another is written', () => {
    const answers = ['mode: deny', 'mode: deny, answer: reset', 'mode: normal'].map((said) => {
      const read = readPolicy(withSpec(`  rules: [{ name: a, ${said} }]`));
      return 'document' in read && [read.document.spec.rules[0]!.answer, writePolicy(read.document).includes('answer: ')];
    });
    expect(answers).toEqual([
      ['drop', true],
      ['reset', true],
      [undefined, false],
    ]);
  });

  it('has off in quotation marks, of which other programs would make false', () => {
    const read = readPolicy(EXAMPLE);
    expect('document' in read && writePolicy(read.document)).toContain('mode: "off"');
  });
});

describe('a problem names its place and its cure:', () => {
  it.each([
    ['an unknown key', '  ruls: []', '5:3 spec.ruls: “ruls” is not known here; write rules'],
    [
      'a key in another spelling',
      '  timeouts: { tcp: { time_wait: 3s } }',
      '5:22 spec.timeouts.tcp.time_wait: “time_wait” is not known here; write timeWait',
    ],
    [
      'a number without a unit',
      '  timeouts: { icmp: 30 }',
      '5:21 spec.timeouts.icmp: 30 has no unit; write 30s if seconds are meant, or use m, h or d',
    ],
    [
      'a wrong unit',
      '  timeouts: { icmp: 30y }',
      '5:21 spec.timeouts.icmp: “30y” is not a duration; write whole seconds with a unit: 30s, 5m, 2h or 1d',
    ],
    ['a time out of range', '  timeouts: { icmp: 0s }', '5:21 spec.timeouts.icmp: “0s” is out of range; write 1s to 24d'],
    ['a number out of range', '  table: { max: 5 }', '5:17 spec.table.max: 5 is out of range; write a number from 128 to 134217728'],
    ['a fraction', '  table: { max: 1e3.5 }', '5:17 spec.table.max: “1e3.5” is not a whole number; write one from 128 to 134217728'],
    [
      'a known timeout by the kernel’s name',
      '  timeouts: { other: { nf_conntrack_icmp_timeout: 3s } }',
      '5:24 spec.timeouts.other.nf_conntrack_icmp_timeout: “nf_conntrack_icmp_timeout” is not another timeout of the kernel; write ' +
        'it as icmp',
    ],
    [
      'a file that is no timeout',
      '  timeouts: { other: { ../../vm/swappiness: 3s } }',
      '5:24 spec.timeouts.other.../../vm/swappiness: “../../vm/swappiness” is not another timeout of the kernel; write the name of ' +
        'its file, such as nf_conntrack_quic_timeout',
    ],
    ['a helper that nobody knows', '  helpers: [fpt]', '5:13 spec.helpers[0]: “fpt” is not a helper; write ftp'],
    ['yes for true', '  accounting: yes', '5:15 spec.accounting: “yes” is neither true nor false; write true or false'],
    [
      'drift that is dealt with in no known way',
      '  drift: restoer',
      '5:10 spec.drift: “restoer” is not what happens to drift; write restore',
    ],
    ['events that are no switch', '  events: 2', '5:11 spec.events: “2” is not true, false or auto; use true, false or auto'],
    ['a key without a value', '  rules:', '5:9 spec.rules: “rules” has no value; give it one, or remove the key'],
    ['a list for a map', '  table: [1]', '5:10 spec.table: a list stands where keys are expected; write “key: value”'],
    [
      'a word for a list',
      '  rules: none',
      '5:10 spec.rules: “none” stands where a list is expected; write it as “- item” lines or in brackets',
    ],
  ])('%s', (_, lines, said) => {
    expect(saidOf(withSpec(lines))).toEqual([said]);
  });

  it.each([
    [
      'a mode that a tool made a switch of',
      'mode: false',
      'mode: “false” is not a mode; write "off" in quotation marks, if your tool made false of it',
    ],
    [
      'a host for a prefix',
      'mode: strict, match: { src: 10.1.0.5/16 }',
      'match.src: “10.1.0.5/16” is a host of the prefix 10.1.0.0/16; write 10.1.0.0/16, or the address alone',
    ],
    [
      'an address that is a number',
      'mode: strict, match: { src: 10.1 }',
      'match.src: “10.1” is not an address or prefix; write one such as 10.1.0.0/16, 192.0.2.7 or fd00::/8',
    ],
    [
      'ports of no protocol',
      'mode: strict, match: { dport: 80 }',
      'match.dport: ports need a protocol that has them; add proto: tcp or proto: udp; for both, write two rules',
    ],
    [
      'a range that runs backwards',
      'mode: strict, match: { proto: tcp, dport: 9-5 }',
      'match.dport: “9-5” is not a port or range of ports; write 5060, https or 10000-20000',
    ],
    [
      'addresses that never meet',
      'mode: strict, match: { src: 10.0.0.1, dst: "::1" }',
      'match.dst: src and dst are never of the same family, so that no packet matches; give both IPv4 or both IPv6 addresses',
    ],
    [
      'an interface with other signs',
      'mode: strict, match: { iif: "a;b" }',
      'match.iif: “a;b” is not the name of an interface; write at most 15 letters, digits, “_”, “.”, “:” and “-”, with “*” at the ' +
        'end for all that begin so',
    ],
    [
      'a mark without bits',
      'mode: strict, match: { mark: 5/0 }',
      'match.mark: “5/0” is not a mark; write 0x100, or 0x100/0xff00 for the bits of a mask',
    ],
    [
      'an empty list',
      'mode: strict, match: { src: [] }',
      'match.src: the list is empty; give a value, or remove the key to match everything',
    ],
    ['a rule that says nothing', 'match: { proto: tcp }', ': the rule says nothing; give it a mode, an idleTimeout, a helper or limits'],
    ['limits without a number', 'limits: { answer: drop }', 'limits: no limit is given; add perSource or perDestination'],
    [
      'an idle timeout of every protocol',
      'idleTimeout: 3m',
      'idleTimeout: an idle timeout is of one protocol, and the kernel has it for TCP and UDP; add proto: tcp or proto: udp to match',
    ],
    [
      'a helper of another protocol',
      'helper: ftp, match: { proto: udp }',
      'helper: ftp is not a helper of this protocol; add proto: tcp to match',
    ],
    [
      'off by the way out',
      'mode: off, match: { oif: wan1 }',
      'mode: tracking is switched off before the way out or a zone is known; match by iif, src or dst instead of oif and zone',
    ],
    [
      'an answer without a denial',
      'mode: strict, answer: reset',
      'answer: only a rule of mode deny answers so; give it mode: deny, or write the answer below limits',
    ],
    [
      'limits of what is denied',
      'mode: deny, limits: { perSource: 1 }',
      'limits: what is denied has no limits; remove limits, or write another rule for it',
    ],
    [
      'a timeout of what is denied',
      'mode: deny, idleTimeout: 3m, match: { proto: udp }',
      'idleTimeout: what is denied has no idleTimeout; remove idleTimeout, or write another rule for it',
    ],
    [
      'a denial by a mark',
      'mode: deny, match: { mark: 0x1 }',
      'mode: a connection is denied in both directions, and its replies need not have the mark; match without mark',
    ],
    [
      'an idle timeout by the way out',
      'idleTimeout: 3m, match: { proto: udp, oif: wan1 }',
      'idleTimeout: idleTimeout is decided before the way out is known; match by iif or dst instead of oif',
    ],
  ])('in a rule, %s', (_, rule, said) => {
    const path = said.startsWith(':') ? 'spec.rules[0]' : 'spec.rules[0].';
    expect(saidOf(withSpec(`  rules:\n    - { name: a, ${rule} }`)).map((one) => one.replace(/^\d+:\d+ /, ''))).toEqual([`${path}${said}`]);
  });

  it.each([
    ['with control characters', String.raw`"a\u001b[31m"`, 'contains the control character \\u{1b}; remove it'],
    ['with half a surrogate pair', String.raw`"a\ud800"`, 'contains the control character \\u{d800}; remove it'],
    ['of spaces', '"  "', 'needs a visible character'],
    ['with a space at its end', '"a "', 'begins or ends with a space'],
    ['that is too long', 'a'.repeat(65), 'is too long'],
    ['that is too long in UTF-8', '€'.repeat(41), 'is too long'],
  ])('a rule’s name %s', (_, name, said) => {
    expect(problemsOf(withSpec(`  rules: [{ mode: strict, name: ${name} }]`))).toMatchObject([
      { path: 'spec.rules[0].name', message: expect.stringContaining(said) },
    ]);
  });

  it('a second rule of the same name, and everything else that is missing, all at once and in the order of the text', () => {
    expect(saidOf('spec:\n  rules:\n  - { name: a, mode: strict }\n  - { name: a, mode: loose }\n')).toEqual([
      '1:1 : apiVersion is missing; add apiVersion: to it',
      '1:1 : kind is missing; add kind: to it',
      '1:1 : metadata is missing; add metadata: to it',
      '4:5 spec.rules[1]: there is another rule named “a”; give each rule a name of its own',
    ]);
  });

  it('another kind or version of document', () => {
    expect(saidOf('{ apiVersion: v1, kind: ConfigMap, metadata: { name: x }, spec: {} }')).toEqual([
      '1:15 apiVersion: “v1” is not a version that this controller knows; use ctfleet/v1',
      '1:25 kind: “ConfigMap” is not a kind that this controller knows; use TrackingPolicy',
    ]);
  });
});

describe('a text that means to be expensive is refused', () => {
  it.each([
    ['with anchors', 'a: &x [1]', 'anchors are not allowed'],
    ['with aliases', 'a: *x', 'aliases are not allowed'],
    ['with tags', '!!set { a }', 'tags are not allowed'],
    ['with directives', '%YAML 1.1\n---\na: 1', 'directives are not allowed'],
    ['of several documents', 'a: 1\n---\nb: 1', 'a text holds one policy'],
    ['with the same key twice', '{ a: 1, a: 2 }', 'this is not YAML: Map keys must be unique'],
    ['nested without end', '['.repeat(100_000), 'this is nested more than 16 deep'],
    ['with thousands of keys', Array.from({ length: 1001 }, (__, key) => `k${key}: 1`).join('\n'), 'this has more than 1000 entries'],
    ['of commas alone', `[${','.repeat(100_000)}`, 'this is not YAML: nothing stands between two commas'],
    ['of closing brackets', ']'.repeat(100_000), 'this is not YAML: unexpected “]”'],
    ['that is too large', ' '.repeat(MAX_POLICY_BYTES + 1), 'a policy has at most 256 KiB'],
    [
      'with too many rules',
      withSpec(`  rules: [${'{ name: a, mode: loose },'.repeat(201)}]`),
      'there are 201 items, and at most 200 are allowed',
    ],
    ['that is empty', '', 'there is no policy'],
  ])('%s', (_, text, message) => {
    expect(problemsOf(text).map((problem) => problem.message)).toContain(message);
  });

  it('that could be wrong in every letter is told once, not read on at ever more cost', () => {
    for (const unit of [',', ']', '}', '[}', '{]', ']['])
      expect([unit, problemsOf(`a: [${unit.repeat(50_000)}`).length]).toEqual([unit, 1]);
  });

  it('and an endless key is quoted shortened, without what controls a terminal', () => {
    const [problem] = problemsOf(withSpec(`  ? "${'\\u001b'.repeat(2000)}"\n  : 1`));
    expect(problem!.path).toMatch(/^spec\.(\\u\{1b\})+$/);
    expect(problem!.path.length + problem!.message.length).toBeLessThan(2000);
  });

  it('and lists at most a hundred problems', () => {
    expect(problemsOf(withSpec(Array.from({ length: 300 }, (_, key) => `  k${key}: 1`).join('\n')))).toHaveLength(100);
  });
});

describe('any text', () => {
  /** Pieces of policies and of YAML, one a word. */
  const PIECES = `apiVersion: ctfleet/v1 kind: TrackingPolicy metadata: name: spec: rules: timeouts match: src: 10.0.0.0/8 mode: off
- : { } [ ] , " ' &a *a !! | > --- # 30s 1e999 .nan 0x1g ~ << ?`.split(/\s/);
  const fragment = fc.constantFrom(...PIECES, ' ', '  ', '\n', '\t', '\u0000', '\ud800', '\u2028');
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join('')),
    fc.json(),
    fc.tuple(arbitraryDocument, fc.nat(), fragment, fc.nat(40)).map(([document, at, inserted, cut]) => {
      const whole = writePolicy(document);
      const start = at % whole.length;
      return whole.slice(0, start) + inserted + whole.slice(start + cut);
    }),
  );

  it('is read as a document that is written and read as the same, or as problems with places and cures', { timeout: 900_000 }, () => {
    fc.assert(
      fc.property(text, (any) => {
        const read = readPolicy(any);
        if ('document' in read) {
          expect(readPolicy(writePolicy(read.document))).toEqual(read);
          return;
        }
        expect(read.problems.length).toBeGreaterThan(0);
        const lines = any.split('\n').length;
        for (const { line, column, path, message, cure } of read.problems) {
          expect(line).toBeLessThanOrEqual(lines + 1);
          expect(Math.min(line, column, message.length, cure.length)).toBeGreaterThan(0);
          expect(path + message + cure).not.toMatch(/[\p{Cc}\p{Cs}]/u);
          expect(Math.max(path.length, message.length, cure.length)).toBeLessThan(500);
        }
      }),
      { numRuns: IS_WHOLE ? 100_000 : 1500 },
    );
  });
});
