/** The first `limit` of several sorted lists together, in order. The cost of an item is the logarithm of how many lists there are. */
export function mergeSorted<Item>(lists: readonly (readonly Item[])[], compare: (a: Item, b: Item) => number, limit: number): Item[] {
  const heap = lists.filter((list) => list.length > 0).map((list) => ({ list, at: 0, item: list[0]! }));
  type Head = (typeof heap)[number];
  const isBefore = (a: Head, b: Head): boolean => compare(a.item, b.item) < 0;
  for (let place = (heap.length >> 1) - 1; place >= 0; place--) sink(heap, place, isBefore);
  const merged: Item[] = [];
  while (merged.length < limit && heap.length > 0) {
    const head = heap[0]!;
    merged.push(head.item);
    head.at += 1;
    if (head.at < head.list.length) head.item = head.list[head.at]!;
    else {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    sink(heap, 0, isBefore);
  }
  return merged;
}

/** Moves what stands at a place down until nothing below comes before it. */
function sink<Head>(heap: Head[], from: number, isBefore: (a: Head, b: Head) => boolean): void {
  for (let place = from; ;) {
    const [left, right] = [2 * place + 1, 2 * place + 2];
    let first = place;
    if (left < heap.length && isBefore(heap[left]!, heap[first]!)) first = left;
    if (right < heap.length && isBefore(heap[right]!, heap[first]!)) first = right;
    if (first === place) return;
    [heap[place], heap[first]] = [heap[first]!, heap[place]!];
    place = first;
  }
}
