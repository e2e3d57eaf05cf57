'use client';

import { useRef } from 'react';
import type { PolicyProblem } from '../../../proto/model/policy/problem.ts';

interface TextProps {
  text: string;
  problems: readonly PolicyProblem[];
  isReadOnly: boolean;
  onText(text: string): void;
}

/**
 * The document in a plain field, with a number before each line and its problem behind it. Lines never wrap, so that all three stay side
 * by side, and each problem has its cure below.
 */
export function PolicyText({ text, problems, isReadOnly, onText }: TextProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = text.split('\n');
  const byLine = Map.groupBy(problems, ({ line }) => line);
  const goTo = ({ line, column }: PolicyProblem) => {
    const offset = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, column - 1);
    area.current?.focus();
    area.current?.setSelectionRange(offset, offset);
  };
  return (
    <>
      <div className="policy-text">
        <ol className="numbers" aria-hidden>
          {Array.from(lines, (_, index) => index + 1).map((number) => (
            <li key={number} className={byLine.has(number) ? 'red' : undefined}>
              {number}
            </li>
          ))}
        </ol>
        <textarea
          ref={area}
          aria-label="Policy as YAML"
          aria-invalid={problems.length > 0}
          aria-describedby="policy-problems"
          spellCheck={false}
          autoComplete="off"
          wrap="off"
          readOnly={isReadOnly}
          rows={lines.length + 1}
          value={text}
          onChange={(event) => onText(event.currentTarget.value)}
        />
        <ul className="beside" aria-hidden>
          {[...byLine].map(([line, [first, ...others]]) => (
            <li
              key={line}
              style={{ top: `calc(${line - 1} * var(--line-height))`, maxWidth: `max(30%, calc(100% - ${lines[line - 1]!.length + 8}ch))` }}
              title={`${first!.message}; ${first!.cure}`}
            >
              {first!.message}
              {others.length > 0 && ` and ${others.length} more`}
            </li>
          ))}
        </ul>
      </div>
      <ul id="policy-problems" className="policy-problems" aria-live="polite">
        {problems.map((problem) => (
          <li key={`${problem.line}.${problem.column}.${problem.path}.${problem.message}`}>
            <button type="button" className="link" onClick={() => goTo(problem)}>
              line {problem.line}, column {problem.column}
            </button>{' '}
            <span className="red">{problem.message}</span>; {problem.cure}
          </li>
        ))}
      </ul>
    </>
  );
}
