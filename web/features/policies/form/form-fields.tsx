'use client';

import { useState, type ReactNode } from 'react';
import { setValue, type Path } from './edit-text.ts';
import type { PolicyForm } from './use-policy-form.ts';
import { asWord } from './values.ts';

/** A field of the form: where its value is, and under which name its guidance is found if that is not its path. */
export interface FieldProps {
  form: PolicyForm;
  path: Path;
  label: string;
  guide?: string;
}

interface TextProps extends FieldProps {
  /** What holds if it says nothing. */
  placeholder?: string;
  width?: number | string;
  /** In a table, whose head and first column label it. */
  isBare?: boolean;
  isMono?: boolean;
  toValue?(text: string): unknown;
}

/** A text that is written into the document at each key, as soon as it is a value there. */
export function TextField({ form, path, label, guide, placeholder, width, isBare, isMono, toValue = asWord }: TextProps) {
  const field = path.join('.');
  const source = form.textAt(path);
  const [draft, setDraft] = useFieldDraft(source, form.edition, (text) => JSON.stringify(toValue(text)));
  const isWrong = form.wrong.has(field);
  return (
    <label className={`input ${isWrong ? 'has-problem' : ''}`} style={{ width }} data-guide={guide ?? field} data-field={field}>
      <span className={isBare ? 'sr' : undefined}>{label}</span>
      <input
        className={isMono ? 'mono' : ''}
        value={draft}
        placeholder={placeholder}
        disabled={form.isOff}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={isWrong}
        aria-describedby="policy-guidance"
        onChange={({ currentTarget: { value } }) => {
          setDraft(value);
          form.change(field, setValue(path, toValue(value)), { isDraft: true });
        }}
      />
    </label>
  );
}

interface ChoiceProps extends FieldProps {
  options: readonly { value: string; text: string }[];
  /** The choice that says nothing. */
  nothing: string;
  width?: number;
  toValue?(text: string): unknown;
}

export function ChoiceField({ form, path, label, guide, options, nothing, width, toValue = asWord }: ChoiceProps) {
  const field = path.join('.');
  const isWrong = form.wrong.has(field);
  return (
    <label className={`input ${isWrong ? 'has-problem' : ''}`} style={{ width }} data-guide={guide ?? field} data-field={field}>
      {label}
      <select
        value={form.textAt(path)}
        disabled={form.isOff}
        aria-invalid={isWrong}
        aria-describedby="policy-guidance"
        onChange={({ currentTarget: { value } }) => form.change(field, setValue(path, toValue(value)))}
      >
        <option value="">{nothing}</option>
        {options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A group of fields with its heading at the left. */
export function Part({ title, small, children }: { title: string; small: string; children: ReactNode }) {
  return (
    <section className="form-part">
      <h2>
        {title}
        <small>{small}</small>
      </h2>
      <div className="stack">{children}</div>
    </section>
  );
}

/** A draft that follows its source where they mean different things, or when everything else has changed. */
function useFieldDraft(source: string, edition: number, meaning: (text: string) => string): [string, (draft: string) => void] {
  const [seen, setSeen] = useState({ source, edition });
  const [draft, setDraft] = useState(source);
  if (seen.source === source && seen.edition === edition) return [draft, setDraft];
  setSeen({ source, edition });
  if (seen.edition === edition && meaning(draft) === meaning(source)) return [draft, setDraft];
  setDraft(source);
  return [source, setDraft];
}
