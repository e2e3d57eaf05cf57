/** Where a label would stand, from left to right, in the chart's own pixels. */
export interface LabelSpan {
  left: number;
  right: number;
}

/** The row of each label, so that none prints over another; undefined where no row has room. */
export function labelRows(labels: readonly LabelSpan[], rows: number, gap: number): (number | undefined)[] {
  const taken: LabelSpan[][] = Array.from({ length: rows }, () => []);
  return labels.map(({ left, right }) => {
    const row = taken.findIndex((spans) => spans.every((span) => right + gap <= span.left || span.right + gap <= left));
    if (row === -1) return undefined;
    taken[row]!.push({ left, right });
    return row;
  });
}
