import { describe, expect, it } from 'vitest';
import { nameFrom, namePatternProblem, namesOf } from './name-pattern.ts';

const many = { isMany: true, hasSite: true };
const free = (): boolean => false;

describe('a name pattern', () => {
  it('tells gateways apart, and knows its placeholders', () => {
    for (const pattern of ['{hostname}', 'gw{n}', '{site}-gw{n}', 'é {n}'])
      expect([pattern, namePatternProblem(pattern, many)]).toEqual([pattern, undefined]);
    for (const pattern of ['gw', '{site}', '{host}', '{n', 'n}', '{{n}}', '', '{n}\u202e'])
      expect([pattern, namePatternProblem(pattern, many)]).not.toEqual([pattern, undefined]);
    expect(namePatternProblem('{site}', { isMany: true, hasSite: false })).toBeUndefined();
    expect(namePatternProblem('gw', { isMany: false, hasSite: true })).toBeUndefined();
  });

  it('takes the lowest number that is free', () => {
    const taken = new Set(['Lyon-gw1', 'Lyon-gw2', 'Lyon-gw4']);
    expect(nameFrom('{site}-gw{n}', { hostname: 'x', site: 'Lyon' }, (name) => taken.has(name))).toEqual({ name: 'Lyon-gw3' });
  });

  it('says which names it could take, so that not all names of a tenant have to be known', () => {
    const of = { hostname: 'box', site: 'Lyon' };
    const asked = (pattern: string) => {
      const names: string[] = [];
      nameFrom(pattern, of, (name) => names.push(name) < 12);
      return names;
    };
    expect(namesOf(' {site} {hostname} ', of)).toEqual({ text: 'Lyon box', isBeginning: false });
    expect(namesOf('{site}-gw{n}-{hostname}', of)).toEqual({ text: 'Lyon-gw', isBeginning: true });
    for (const pattern of ['{hostname}', ' {site} {hostname} ', '{n}', ' gw {n} ', '{site}-gw{n}-{n}', '{hostname}{n}{site}']) {
      const { text, isBeginning } = namesOf(pattern, of);
      expect(asked(pattern).filter((name) => (isBeginning ? !name.startsWith(text) : name !== text))).toEqual([]);
    }
  });

  it('takes no hostname that a page or a shell would not like, nor a name that is taken or too long', () => {
    for (const hostname of ['', '-a', 'a-', '<b>', 'a b', 'é', 'a\u0000', 'a'.repeat(64), '{n}', '$&'])
      expect([hostname, nameFrom('{hostname}', { hostname, site: '' }, free)]).toEqual([hostname, { problem: expect.any(String) }]);
    expect(nameFrom('{hostname}', { hostname: 'gw1.lyon.example', site: '' }, free)).toEqual({ name: 'gw1.lyon.example' });
    expect(nameFrom('{hostname}', { hostname: 'gw1', site: '' }, () => true)).toEqual({ problem: expect.stringContaining('gw1') });
    expect(nameFrom('{site}', { hostname: 'gw1', site: 'x'.repeat(101) }, free)).toEqual({ problem: expect.stringContaining('longer') });
  });

  it('puts in what the placeholders say literally, also where that looks like a placeholder', () => {
    expect(nameFrom('{site}-{hostname}', { hostname: 'gw1', site: '{n}$&' }, free)).toEqual({ name: '{n}$&-gw1' });
  });
});
