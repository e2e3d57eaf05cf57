import { foldedWords } from '../../../client/words/plan-words.ts';

/** A filter as text. One that lists selected flows, or is too long to read, is summarised, with the text one click away. */
export function FilterText({ filter, isEverything = false }: { filter: string; isEverything?: boolean }) {
  const words = isEverything ? undefined : foldedWords(filter);
  const text = (
    <pre className="code" tabIndex={0} aria-label="Filter">
      {isEverything ? 'all: every flow in the tables of these gateways' : filter}
    </pre>
  );
  return words === undefined ? (
    text
  ) : (
    <details className="filter-text">
      <summary>{words}</summary>
      {text}
    </details>
  );
}
