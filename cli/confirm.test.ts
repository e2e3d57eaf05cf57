import { describe, expect, it } from 'vitest';
import { confirmNumber } from './confirm.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';

/** What comes of an answer: the code, or undefined if it goes on. */
async function outcome(answer: string | undefined, isTyped: boolean, given = {}): Promise<number | undefined> {
  const io = { ask: () => Promise.resolve(answer) } as unknown as Io;
  try {
    await confirmNumber(io, given, { number: 1846, noun: 'flows', question: 'Delete 1,846 flows', isTyped });
    return undefined;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

describe('a question before flows are ended', () => {
  it('goes on for y and yes only', async () => {
    for (const answer of ['y', 'Y', ' yes ']) expect(await outcome(answer, false)).toBeUndefined();
    for (const answer of ['', 'n', 'yy', '1846', 'yes please']) expect(await outcome(answer, false)).toBe(EXIT.refused);
  });

  it('of much takes the number, and y is not enough', async () => {
    for (const answer of ['1846', '1,846', ' 1846 ']) expect(await outcome(answer, true)).toBeUndefined();
    for (const answer of ['y', '', '184', '18460']) expect(await outcome(answer, true)).toBe(EXIT.refused);
  });

  it('that is left by Ctrl-C touches nothing', async () => {
    expect(await outcome(undefined, false)).toBe(EXIT.interrupted);
  });

  it('is not asked where --yes and the number say it', async () => {
    expect(await outcome('n', true, { yes: [''], expect: ['1800..1900'] })).toBeUndefined();
    expect(await outcome('n', true, { yes: [''], expect: ['1845'] })).toBe(EXIT.drifted);
  });
});
