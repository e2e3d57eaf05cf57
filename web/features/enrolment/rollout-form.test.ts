import { describe, expect, it } from 'vitest';
import type { Enrolment } from '../../../proto/http/rollouts.ts';
import { inOrder, markOf, missingOf, sourcesOf } from './rollout-form.ts';

const whole = { gateways: '200', pattern: '{hostname}', from: '', hasSite: true };

describe('the form of a roll-out', () => {
  it('says what it lacks', () => {
    expect(missingOf(whole)).toBeUndefined();
    expect(missingOf({ ...whole, from: '198.51.100.0/24, 2001:db8::/32  10.0.0.1' })).toBeUndefined();
    for (const [wrong, word] of [
      [{ gateways: '0' }, '1 to 1000'],
      [{ gateways: '1e3' }, '1 to 1000'],
      [{ gateways: '1001' }, '1 to 1000'],
      [{ pattern: ' ' }, 'named'],
      [{ pattern: '{host}' }, '{host}'],
      [{ pattern: 'gw' }, 'same name'],
      [{ from: 'example.net' }, 'example.net'],
    ] as const)
      expect(missingOf({ ...whole, ...wrong })).toContain(word);
  });

  it('reads addresses with commas or spaces', () => {
    expect(sourcesOf(' 10.0.0.0/8,\n::1  ')).toEqual(['10.0.0.0/8', '::1']);
    expect(sourcesOf('')).toEqual([]);
  });
});

describe('the list of a roll-out', () => {
  it('has those that wait on top, oldest first, so that a newcomer moves none of them', () => {
    const row = (id: string, state: Enrolment['state']) => ({ id, state }) as Enrolment;
    const newestFirst = [row('5', 'waiting'), row('4', 'enrolled'), row('3', 'waiting'), row('2', 'refused')];
    expect(inOrder(newestFirst).map(({ id }) => id)).toEqual(['3', '5', '4', '2']);
  });

  it('keeps its mark on a gateway, not on a line, and goes on to the next once that is decided', () => {
    expect(markOf(['a', 'b', 'c'], undefined)).toEqual({ id: 'a', at: 0 });
    expect(markOf(['0', 'a', 'b', 'c'], { id: 'b', at: 1 })).toEqual({ id: 'b', at: 2 });
    expect(markOf(['a', 'c'], { id: 'b', at: 1 })).toEqual({ id: 'c', at: 1 });
    expect(markOf(['a'], { id: 'c', at: 2 })).toEqual({ id: 'a', at: 0 });
    expect(markOf([], { id: 'c', at: 2 })).toBeUndefined();
  });
});
