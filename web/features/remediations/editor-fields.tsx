'use client';

import type { ReactNode } from 'react';
import { useDraft } from '../../ui/draft.ts';
import { fieldIn, type TextProblem } from './document-text.ts';

/** What the form's fields read and write: the text, by path. */
export interface Form {
  raw: unknown;
  /** The YAML is invalid: the form shows its last valid state and is read-only. */
  isOff: boolean;
  problems: TextProblem[];
  set(path: string, value: unknown): void;
  setAll(changes: [path: string, value: unknown][]): void;
}

interface FieldProps {
  form: Form;
  path: string;
  label: string;
  width?: number | string;
  unit?: string;
  hint?: ReactNode;
}

/** The problems of a field, including those of its parts. */
function Wrong({ form, path }: { form: Form; path: string }) {
  return (
    <>
      {form.problems
        .filter((one) => one.path === path || one.path.startsWith(`${path}.`))
        .map(({ message }) => (
          <p key={message} className="red small" role="alert">
            {message}
          </p>
        ))}
    </>
  );
}

export function TextField({ form, path, label, width, hint, isMono }: FieldProps & { isMono?: boolean }) {
  const value = fieldIn(form.raw, path);
  const isWrong = form.problems.some((one) => one.path === path);
  return (
    <div className="field">
      <label className={`input ${isWrong ? 'has-problem' : ''}`} style={{ width }}>
        {label}
        <input
          className={isMono ? 'mono' : ''}
          value={typeof value === 'string' ? value : ''}
          disabled={form.isOff}
          spellCheck={!isMono}
          aria-invalid={isWrong}
          onChange={(event) => form.set(path, event.currentTarget.value)}
        />
      </label>
      {hint && <p className="dim small">{hint}</p>}
      <Wrong form={form} path={path} />
    </div>
  );
}

export function NumberField({ form, path, label, width = 150, unit, hint }: FieldProps) {
  const value = fieldIn(form.raw, path);
  const [draft, setDraft] = useDraft(typeof value === 'number' ? String(value) : '');
  const isWrong = form.problems.some((one) => one.path === path);
  const change = (text: string) => {
    setDraft(text);
    if (text.trim() === '') form.set(path, undefined);
    else if (Number.isFinite(Number(text))) form.set(path, Number(text));
  };
  return (
    <div className="field">
      <label className={`input ${isWrong ? 'has-problem' : ''}`} style={{ width }}>
        {label}
        <input
          className="num"
          inputMode="decimal"
          value={draft}
          disabled={form.isOff}
          aria-invalid={isWrong}
          onChange={(event) => change(event.currentTarget.value)}
        />
        {unit && <span>{unit}</span>}
      </label>
      {hint && <p className="dim small">{hint}</p>}
      <Wrong form={form} path={path} />
    </div>
  );
}

export function CheckField({ form, path, label }: FieldProps) {
  return (
    <div className="field">
      <label className="row">
        <input
          type="checkbox"
          checked={fieldIn(form.raw, path) === true}
          disabled={form.isOff}
          onChange={(event) => form.set(path, event.currentTarget.checked ? true : undefined)}
        />
        {label}
      </label>
      <Wrong form={form} path={path} />
    </div>
  );
}

export function ChoiceField({
  form,
  path,
  label,
  options,
  onChoose,
  hint,
}: FieldProps & { options: readonly { value: string; text: string }[]; onChoose?(value: string): void }) {
  const value = fieldIn(form.raw, path);
  return (
    <div className="field">
      <label className="input">
        {label}
        <select
          value={typeof value === 'string' ? value : ''}
          disabled={form.isOff}
          onChange={(event) => (onChoose ?? ((chosen: string) => form.set(path, chosen)))(event.currentTarget.value)}
        >
          {typeof value === 'string' && !options.some((one) => one.value === value) && <option value={value}>{value}</option>}
          {options.map((one) => (
            <option key={one.value} value={one.value}>
              {one.text}
            </option>
          ))}
        </select>
      </label>
      {hint && <p className="dim small">{hint}</p>}
      <Wrong form={form} path={path} />
    </div>
  );
}
