import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pagesOf, type Span } from './spans.ts';

const entriesOf = (spans: readonly Span[]): string[] =>
  spans.flatMap(({ chain, first, last }) => Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => `${chain} ${first + at}`));

describe('pages of chains', () => {
  it('hold every entry once, in order, and are full except the last', () => {
    const span = fc.record({
      chain: fc.constantFrom('a', 'b', 'c'),
      first: fc.integer({ min: 1, max: 50 }),
      length: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), fc.integer({ min: 1, max: 25 }), (parts, size) => {
        const spans = parts.map(({ chain, first, length }) => ({ chain, first, last: first + length - 1 }));
        const pages = [...pagesOf(spans, size)].map(entriesOf);
        expect(pages.flat()).toEqual(entriesOf(spans));
        expect(pages.slice(0, -1).every((page) => page.length === size)).toBe(true);
        expect(pages.every((page) => page.length > 0 && page.length <= size)).toBe(true);
      }),
    );
  });
});
