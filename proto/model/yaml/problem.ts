/** What is wrong with the text of a document. Line and column count from 1, the column in UTF-16 units as editors do. */
export interface DocumentProblem {
  line: number;
  column: number;
  /** The place in the document, such as `spec.rules[2].match.src`; empty for the whole. */
  path: string;
  message: string;
  /** What to do about it. */
  cure: string;
}

export function inOrder(problems: readonly DocumentProblem[]): DocumentProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
