/** A part of a chain by the numbers of its first and last entries. */
export interface Span {
  chain: string;
  first: number;
  last: number;
}

/**
 * Cuts the spans, in order, into pages of at most `size` entries: a long span takes several pages, short ones share a page. Empty spans are
 * omitted.
 */
export function* pagesOf(spans: Iterable<Span>, size: number): Generator<Span[], void, void> {
  let page: Span[] = [];
  let room = size;
  for (const { chain, first, last } of spans) {
    for (let next = first; next <= last;) {
      const end = Math.min(last, next + room - 1);
      page.push({ chain, first: next, last: end });
      room -= end - next + 1;
      next = end + 1;
      if (room > 0) continue;
      yield page;
      [page, room] = [[], size];
    }
  }
  if (page.length > 0) yield page;
}
