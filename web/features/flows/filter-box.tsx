'use client';

import { useClipboard } from '@mantine/hooks';
import { IconCopy, IconSearch, IconX } from '@tabler/icons-react';
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { completeFilter, type Completion } from '../../../proto/model/filter/complete.ts';
import type { FilterProblem } from '../../../proto/model/filter/filter.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import { useDraft } from '../../ui/draft.ts';
import { useKey } from '../../ui/keys.ts';
import { chipsOf, withCure, withoutChip, withTerm } from './filter-edit.ts';

interface FilterBoxProps {
  /** The filter in use; always one that parses. */
  filter: string;
  face: 'chips' | 'text';
  /** The addresses that `wan:` was resolved to in the last answer. */
  resolvedWans: string | undefined;
  /** Names for completion, by field. */
  names: Partial<Record<string, string[]>>;
  onFilter(filter: string): void;
  /** Reports whether the typed text has a problem; destructive buttons depend on it. */
  onProblem(problem: FilterProblem | undefined): void;
}

/** One filter in two forms: chips, and text below them. Text that does not parse shows the place and a fix, and changes nothing else. */
export function FilterBox({ filter, face, resolvedWans, names, onFilter, onProblem }: FilterBoxProps) {
  const source = face === 'text' ? filter : '';
  const [draft, setDraft] = useDraft(source, `${face} ${filter}`);
  const [cursor, setCursor] = useState(0);
  const [active, setActive] = useState(-1);
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const clipboard = useClipboard({ timeout: 1200 });
  useKey('/,shift+/', () => input.current?.focus());
  const isTyped = draft !== source;
  const problem = useMemo(() => {
    const parsed = parseFilter(draft);
    return isTyped && 'problem' in parsed ? parsed.problem : undefined;
  }, [draft, isTyped]);
  useEffect(() => onProblem(problem), [problem, onProblem]);
  const completions = isOpen && isTyped ? completeFilter(draft, cursor, names).slice(0, 8) : [];

  function accept(text: string): void {
    const result = parseFilter(text);
    if ('problem' in result) return;
    setOpen(false);
    if (face === 'text') onFilter(text.trim());
    else {
      onFilter(withTerm(filter, text));
      setDraft('');
    }
  }

  function complete({ text, start, end }: Completion): void {
    setDraft(draft.slice(0, start) + text + draft.slice(end));
    setCursor(start + text.length);
    setActive(-1);
    input.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'ArrowDown' && completions.length > 0) {
      event.preventDefault();
      setActive((active + 1) % completions.length);
    }
    if (event.key === 'ArrowUp' && completions.length > 0) {
      event.preventDefault();
      setActive(active <= 0 ? completions.length - 1 : active - 1);
    }
    if (event.key === 'Tab' && active >= 0) {
      event.preventDefault();
      complete(completions[active]!);
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      if (active >= 0) complete(completions[active]!);
      else accept(draft);
    }
    if (event.key === 'Escape') {
      if (completions.length > 0) setOpen(false);
      else {
        setDraft(source);
        input.current?.blur();
      }
    }
    if (event.key === 'Backspace' && draft === '' && face === 'chips') {
      const last = chipsOf(filter)?.at(-1);
      if (last) onFilter(withoutChip(filter, last.text));
    }
  }

  return (
    <div className="filter-box-wrap">
      <search className={`box ${problem && completions.length === 0 ? 'has-problem' : ''}`}>
        <IconSearch className="i" stroke={1.5} aria-hidden />
        {face === 'chips' &&
          chipsOf(filter)?.map((chip) => (
            <span className="chip" key={chip.text}>
              {chip.name && <em>{chip.name}</em>}
              <span className={chip.name ? '' : 'mono'}>{chip.value}</span>
              {chip.name === 'wan' && resolvedWans && <span className="res mono">{resolvedWans}</span>}
              <button type="button" aria-label={`Remove ${chip.text}`} onClick={() => onFilter(withoutChip(filter, chip.text))}>
                <IconX className="i s" stroke={1.5} />
              </button>
            </span>
          ))}
        <input
          ref={input}
          value={draft}
          className={face === 'text' ? 'mono' : ''}
          spellCheck={false}
          autoComplete="off"
          role="combobox"
          aria-label="Filter"
          aria-expanded={completions.length > 0}
          aria-controls={listId}
          aria-activedescendant={active >= 0 ? `${listId}-${active}` : undefined}
          aria-invalid={problem !== undefined}
          aria-describedby={`${listId}-problem`}
          placeholder={
            face === 'text'
              ? 'all flows'
              : chipsOf(filter)?.length
                ? 'Add a filter'
                : 'Add a filter: 203.0.113.7, wan:wan1, proto:udp, app:sip'
          }
          onChange={(event) => {
            setDraft(event.currentTarget.value);
            setCursor(event.currentTarget.selectionStart ?? event.currentTarget.value.length);
            setOpen(true);
            setActive(-1);
          }}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        {!isTyped && <kbd aria-hidden>/</kbd>}
      </search>
      <div className="completions" id={listId} role="listbox" aria-label="Ways to go on" hidden={completions.length === 0}>
        {completions.map((one, index) => (
          <div
            key={one.text}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === active}
            onMouseDown={(event) => {
              event.preventDefault();
              complete(one);
            }}
          >
            <span className="mono">{one.text}</span>
            <span className="dim">{one.help}</span>
          </div>
        ))}
      </div>
      <div className="row small filter-text" id={`${listId}-problem`} aria-live="polite">
        {problem ? (
          <ProblemLine text={draft} problem={problem} onFix={(fixed) => setDraft(fixed)} />
        ) : (
          <>
            <span className="dim">{isTyped ? 'Enter applies it' : 'Text'}</span>
            {!isTyped && (
              <>
                <span className="mono dim2 ellipsis">{filter || 'all flows in scope'}</span>
                {filter && (
                  <button
                    type="button"
                    className="copy dim"
                    aria-label={clipboard.copied ? 'Copied' : 'Copy the filter'}
                    onClick={() => clipboard.copy(filter)}
                  >
                    <IconCopy className="i s" stroke={1.5} />
                  </button>
                )}
              </>
            )}
          </>
        )}
      </div>
    </div>
  );
}

/** Where the text is wrong and what to write instead; the rows below stay as they were. */
function ProblemLine({ text, problem, onFix }: { text: string; problem: FilterProblem; onFix(text: string): void }) {
  const { start, end, suggestion } = problem;
  return (
    <span className="red problem-line">
      <span className="mono">
        {text.slice(0, start)}
        <mark>{text.slice(start, end) || '␣'}</mark>
        {text.slice(end)}
      </span>{' '}
      {problem.message}.
      {suggestion && (
        <button
          type="button"
          className="link"
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onFix(withCure(text, problem))}
        >
          {suggestion.length < 40 ? `Write ${suggestion}` : 'Convert it'}
        </button>
      )}
      <span className="dim">Nothing below has changed.</span>
    </span>
  );
}
