import { expect, test } from 'vitest';
import { completeFilter } from '../../../proto/model/filter/complete.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import { asksFor, chipsOf, valueOf, withTerm, withCure, withToggled, withValue, withoutChip } from './filter-edit.ts';

test('chips joined by spaces are the filter again', () => {
  const text = 'wan:wan1 proto:udp,tcp -dport:53 (src:10.0.0.0/8 or dst:10.0.0.0/8) idle>=121s';
  const chips = chipsOf(text)!;
  expect(chips.map((chip) => chip.text).join(' ')).toBe(text);
  expect(chips.map(({ name, value }) => `${name}|${value}`)).toEqual([
    'wan|wan1',
    'proto|udp,tcp',
    'not dport|53',
    '|(src:10.0.0.0/8 or dst:10.0.0.0/8)',
    'idle|>=121s',
  ]);
});

test('a text that does not parse has no chips and is never changed', () => {
  expect(chipsOf('proto:')).toBeUndefined();
  expect(withToggled('proto:', 'wan', 'wan1')).toBe('proto:');
  expect(withoutChip('proto:', 'proto:')).toBe('proto:');
});

test('a second value of a field makes a list, and the same value again removes it', () => {
  expect(withToggled('', 'proto', 'udp')).toBe('proto:udp');
  expect(withToggled('proto:udp dport:53', 'proto', 'tcp')).toBe('dport:53 proto:udp,tcp');
  expect(withToggled('proto:udp,tcp', 'proto', 'udp')).toBe('proto:tcp');
  expect(withToggled('proto:udp', 'proto', 'udp')).toBe('');
});

test('removing a chip leaves the others', () => {
  expect(withoutChip('proto:udp (dport:53 or dport>=60000) wan:wan1', '(dport:53 or dport>=60000)')).toBe('proto:udp wan:wan1');
});

test('a term is added once, and an excluded value is a term of its own', () => {
  expect(withTerm('proto:udp', '-app:dns')).toBe('proto:udp -app:dns');
  expect(withTerm('proto:udp -app:dns', '-app:dns')).toBe('proto:udp -app:dns');
});

test('a value with a space is quoted', () => {
  expect(withToggled('', 'wan', 'fibre one')).toBe('wan:"fibre one"');
  expect(asksFor('wan:"fibre one"', 'wan', 'Fibre One')).toBe(true);
});

test('a value that would mean something else unquoted is quoted', () => {
  expect(withToggled('', 'state', 'CLOSED')).toBe('state:"closed"');
  expect(asksFor('state:"closed"', 'state', 'CLOSED')).toBe(true);
  expect(withToggled('', 'wan', 'none')).toBe('wan:"none"');
  expect(completeFilter('state:clos', 10).map(({ text }) => text)).toEqual(['close-wait', 'close', '"closed"', '"closereq"', '"closing"']);
  expect(completeFilter('wan:n', 5, { wan: ['north'] }).map(({ text }) => text)).toEqual(['north', 'none']);
  expect(completeFilter('status:!ass', 11).map(({ text }) => text)).toEqual(['assured']);
});

test('a chip shows a field’s name in two words, and an endpoint is one value', () => {
  expect(chipsOf('-icmp-type:8 198.18.0.12:5060 src:[2001:db8::1]:443')!.map(({ name, value }) => `${name}|${value}`)).toEqual([
    'not icmp-type|8',
    'any side|198.18.0.12:5060',
    'src|[2001:db8::1]:443',
  ]);
  expect(withValue('', 'ip', '198.18.0.12:5060')).toBe('ip:198.18.0.12:5060');
});

test('a suggested fix makes the text parse', () => {
  for (const [wrong, right] of [
    ['prto:tcp dport:53', 'proto:tcp dport:53'],
    ['dport:53 udp', 'dport:53 proto:udp'],
    ['-p udp -q 203.0.113.7', 'proto:udp rdst:203.0.113.7'],
  ] as const) {
    const parsed = parseFilter(wrong);
    expect('problem' in parsed && withCure(wrong, parsed.problem)).toBe(right);
  }
});

test('a single value is read and replaced', () => {
  expect(valueOf('ip:10.0.0.0/8 proto:udp', 'ip')).toBe('10.0.0.0/8');
  expect(withValue('ip:10.0.0.0/8 proto:udp', 'ip', '203.0.113.7')).toBe('proto:udp ip:203.0.113.7');
  expect(withValue('ip:10.0.0.0/8 proto:udp', 'ip', undefined)).toBe('proto:udp');
});
