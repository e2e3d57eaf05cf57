import { describe, expect, test } from 'vitest';
import { addRule, allOf, documentOf, edited, moveRule, removeRule, setHelper, setValue, textAt, type Edit } from './edit-text.ts';

const TEXT = `# Ours, since the audit of May.
apiVersion: ctfleet/v1
kind: TrackingPolicy
metadata:
  name: busy # do not rename
spec:
  # The table was full in March.
  table: { max: 262144, buckets: 65536 }

  timeouts:
    udp: { unreplied: 30s } # DNS
    tcp:
      established: 1h # SSH hangs below
      timeWait: 30s
  helpers: [sip, ftp] # phones
  rules:
    # the trunk of the provider
    - name: trunk
      match: { proto: udp, dport: 5060 } # both ways
      idleTimeout: 3m
    # people who visit
    - name: guests
      match: { src: [10.1.0.0/16, 10.2.0.0/16] }
      limits: { perSource: 20, answer: reset }
`;
const COMMENTS = TEXT.match(/#.*/g)!;

const after = (...edits: Edit[]): string => {
  const result = edited(TEXT, allOf(...edits));
  if ('problem' in result) throw new Error(result.problem.message);
  return result.text;
};
const problemOf = (edit: Edit) => {
  const result = edited(TEXT, edit);
  return 'problem' in result ? result.problem.message : undefined;
};

describe('an edit by the form', () => {
  test('of one value changes its line and no other', () => {
    expect(after(setValue(['spec', 'timeouts', 'tcp', 'established'], '2h'))).toBe(TEXT.replace('established: 1h', 'established: 2h'));
    expect(after(setValue(['spec', 'table', 'max'], 131_072))).toBe(TEXT.replace('max: 262144', 'max: 131072'));
    expect(after(setValue(['metadata', 'name'], 'calm'))).toBe(TEXT.replace('name: busy', 'name: calm'));
    expect(after()).toBe(TEXT);
  });

  test('adds what was not there, and removes what is empty with it', () => {
    const icmp = after(setValue(['spec', 'timeouts', 'icmp'], '10s'));
    expect(icmp).toBe(TEXT.replace('timeWait: 30s\n', 'timeWait: 30s\n    icmp: 10s\n'));
    expect(after(setValue(['spec', 'timeouts', 'udp', 'unreplied'], undefined))).toBe(
      TEXT.replace('    udp: { unreplied: 30s } # DNS\n', ''),
    );
    expect(after(setValue(['spec', 'accounting'], true))).toContain('  accounting: true\n');
    expect(
      edited('apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: x }\nspec: {}\n', setValue(['spec', 'table', 'max'], 4096)),
    ).toEqual({
      text: 'apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: x }\nspec: { table: { max: 4096 } }\n',
    });
  });

  test('writes off in quotation marks, which other programs would make false of', () => {
    expect(after(setValue(['spec', 'rules', 0, 'mode'], 'off'), setValue(['spec', 'rules', 0, 'idleTimeout'], undefined))).toContain(
      'mode: "off"',
    );
  });

  test('that makes no policy changes nothing and says what is wrong', () => {
    expect(problemOf(setValue(['spec', 'timeouts', 'tcp', 'established'], '5'))).toBe('“5” is not a duration');
    expect(problemOf(setValue(['spec', 'table', 'max'], 7))).toBe('7 is out of range');
    expect(problemOf(setValue(['spec', 'rules', 0, 'idleTimeout'], undefined))).toBe('the rule says nothing');
    expect(problemOf(setValue(['spec', 'rules', 1, 'name'], 'trunk'))).toBe('there is another rule named “trunk”');
    expect(problemOf(setValue(['spec', 'rules', 0, 'match', 'dport'], ['sip', 70_000]))).toBe('“70000” is not a port or range of ports');
  });

  test('of helpers keeps their order and their comment; without any, the list says that none is wanted', () => {
    expect(after(setHelper('tftp', true))).toBe(TEXT.replace('[sip, ftp]', '[ sip, ftp, tftp ]'));
    expect(after(setHelper('sip', false))).toBe(TEXT.replace('[sip, ftp]', '[ ftp ]'));
    expect(after(setHelper('sip', false), setHelper('ftp', false))).toBe(TEXT.replace('[sip, ftp]', '[]'));
    expect(after(setValue(['spec', 'helpers'], undefined), setHelper('ftp', true))).toContain('  helpers: [ ftp ]\n');
  });
});

describe('rules', () => {
  test('change places with their comments, and back again', () => {
    const moved = after(moveRule(0, 1));
    expect(moved.indexOf('# people who visit')).toBeLessThan(moved.indexOf('name: guests'));
    expect(moved.indexOf('name: guests')).toBeLessThan(moved.indexOf('# the trunk of the provider'));
    expect(moved.indexOf('# the trunk of the provider')).toBeLessThan(moved.indexOf('name: trunk'));
    expect(moved.match(/#.*/g)!.toSorted()).toEqual(COMMENTS.toSorted());
    expect(after(moveRule(0, 1), moveRule(1, -1))).toBe(TEXT);
    expect(after(moveRule(0, -1))).toBe(TEXT);
  });

  test('are added at the end and removed as a whole, the last with the list', () => {
    expect(after(addRule('rule-3'))).toBe(`${TEXT}    - name: rule-3\n      mode: normal\n`);
    const one = after(removeRule(0));
    expect(one).not.toContain('trunk');
    expect(one).toContain('# people who visit\n    - name: guests');
    expect(after(removeRule(0), removeRule(0))).not.toContain('rules');
    expect(after(removeRule(0), removeRule(0), addRule('first'))).toContain('  rules:\n    - name: first\n');
  });

  test('lose their limits with the last number, and their match with the last field', () => {
    expect(problemOf(setValue(['spec', 'rules', 1, 'limits', 'perSource'], undefined))).toBe('the rule says nothing');
    const calm = after(setValue(['spec', 'rules', 1, 'mode'], 'loose'), setValue(['spec', 'rules', 1, 'limits', 'perSource'], undefined));
    expect(calm).not.toContain('limits');
    expect(after(setValue(['spec', 'rules', 1, 'match', 'src'], undefined))).not.toContain('match: { src');
  });
});

test('a value is shown as it is written, and a list with commas', () => {
  const yaml = documentOf(TEXT.replace('dport: 5060', 'dport: 5060, mark: 0x100'));
  expect(textAt(yaml, ['spec', 'timeouts', 'tcp', 'established'])).toBe('1h');
  expect(textAt(yaml, ['spec', 'rules', 1, 'match', 'src'])).toBe('10.1.0.0/16, 10.2.0.0/16');
  expect(textAt(yaml, ['spec', 'rules', 0, 'match', 'mark'])).toBe('0x100');
  expect(textAt(yaml, ['spec', 'rules', 0, 'match', 'src'])).toBe('');
  expect(textAt(yaml, ['spec', 'table'])).toBe('');
});
