import { describe, expect, it } from 'vitest';
import { MAX_BYTES, MAX_MESSAGES, Outgoing } from './outgoing.ts';

describe('messages that wait for an agent', () => {
  it('leave in order', () => {
    const outgoing = new Outgoing<string>((text) => text.length);
    ['a', 'b', 'c'].forEach((text) => outgoing.push(text));
    expect([outgoing.shift(), outgoing.shift(), outgoing.shift(), outgoing.shift()]).toEqual(['a', 'b', 'c', undefined]);
  });

  it('are limited by number and by size', () => {
    const many = new Outgoing<number>(() => 1);
    for (let count = 1; count <= MAX_MESSAGES; count++) expect(many.push(count)).toBe(true);
    expect(many.push(0)).toBe(false);
    const large = new Outgoing<number>(() => MAX_BYTES / 2);
    expect([large.push(1), large.push(2), large.push(3)]).toEqual([true, true, false]);
    large.shift();
    large.shift();
    expect(large.push(4)).toBe(true);
  });

  it('of which only the newest matters take one slot', () => {
    const outgoing = new Outgoing<string>(() => 1);
    ['ping 1', 'command', 'ping 2', 'ping 3'].forEach((text) => outgoing.push(text, text.startsWith('ping') ? 'ping' : undefined));
    expect([outgoing.shift(), outgoing.shift(), outgoing.shift()]).toEqual(['ping 3', 'command', undefined]);
  });
});
