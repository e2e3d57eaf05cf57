import { describe, expect, it } from 'vitest';
import type { PolicyRule, PolicySpec } from '../../proto/model/policy/document.ts';
import { changesBetween, inShort } from './changes-between.ts';

const document = (spec: Partial<PolicySpec>, name = 'p') => ({ metadata: { name }, spec: { table: {}, timeouts: {}, rules: [], ...spec } });
const rule = (name: string, change: Partial<PolicyRule> = {}): PolicyRule => ({ name, match: {}, mode: 'off', ...change });

describe('what differs between two documents', () => {
  it('is nothing between equal ones', () => {
    const one = () => document({ profile: 'normal', helpers: ['ftp'], rules: [rule('a')] });
    expect(changesBetween(one(), one())).toEqual([]);
    expect(inShort([])).toBe('nothing');
  });

  it('is said value by value, in the words of the document', () => {
    const before = document({ table: { max: 1000 }, timeouts: { icmp: 30, 'tcp.established': 7200 }, helpers: ['ftp', 'sip'] });
    const after = document({ profile: 'busy-nat', timeouts: { 'tcp.established': 3600 }, helpers: [], events: 'auto' }, 'q');
    expect(changesBetween(before, after)).toEqual([
      'name: p → q',
      'table.max: 1000 → nothing',
      'timeouts.tcp.established: 2h → 1h',
      'timeouts.icmp: 30s → nothing',
      'helpers: ftp, sip → none',
      'profile: nothing → busy-nat',
      'events: nothing → auto',
    ]);
  });

  it('names rules, and says so if only their order is another', () => {
    const [a, b] = [rule('a'), rule('b')];
    expect(changesBetween(document({ rules: [a, b] }), document({ rules: [rule('a', { mode: 'loose' }), rule('c')] }))).toEqual([
      'rule a changed',
      'rule b removed',
      'rule c added',
    ]);
    expect(changesBetween(document({ rules: [a, b] }), document({ rules: [b, a] }))).toEqual(['rules: in another order']);
  });

  it('is bounded in number and length', () => {
    const rules = Array.from({ length: 200 }, (_, n) => rule(`r${n}`));
    const changes = changesBetween(undefined, document({ rules }, 'x'.repeat(100)));
    expect(changes).toHaveLength(51);
    expect(changes[0]!.length).toBeLessThan(120);
    expect(changes.at(-1)).toBe('151 more');
    expect(inShort(changes)).toBe(`name: nothing → ${'x'.repeat(80)}… and 50 more`);
  });
});
