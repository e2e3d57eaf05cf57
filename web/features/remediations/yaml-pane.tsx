'use client';

import { useRef } from 'react';
import type { TextProblem } from './document-text.ts';

/** The document as YAML. Each problem names its place; a click jumps there. */
export function YamlPane({ text, problems, onText }: { text: string; problems: TextProblem[]; onText(text: string): void }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const goTo = ({ line, column }: TextProblem) => {
    const offset =
      text
        .split('\n')
        .slice(0, line - 1)
        .reduce((sum, one) => sum + one.length + 1, 0) +
      column -
      1;
    area.current?.focus();
    area.current?.setSelectionRange(offset, offset);
  };
  return (
    <>
      <div className="sec-head">
        <h2>YAML</h2>
        <span className="dim">the same document; what is written here shows in the form</span>
      </div>
      <textarea
        ref={area}
        className="yaml-text"
        aria-label="Remediation as YAML"
        aria-invalid={problems.length > 0}
        spellCheck={false}
        value={text}
        rows={Math.max(24, text.split('\n').length + 1)}
        onChange={(event) => onText(event.currentTarget.value)}
      />
      {problems.length > 0 && (
        <ul className="yaml-problems">
          {problems.map((one) => (
            <li key={`${one.path}${one.message}`}>
              <button type="button" className="link" onClick={() => goTo(one)}>
                line {one.line}, column {one.column}
              </button>{' '}
              <span className="red">
                {one.path && `${one.path}: `}
                {one.message}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
