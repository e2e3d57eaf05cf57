'use client';

import { HELPERS } from '../../../../proto/model/policy/helpers.ts';
import { setHelper, setValue } from './edit-text.ts';
import { Part } from './form-fields.tsx';
import type { PolicyForm } from './use-policy-form.ts';

const FIELD = 'spec.helpers';

/** Which helpers are on at their usual ports. A list that is there names all of them; without one, they stay as they are. */
export function HelperFields({ form }: { form: PolicyForm }) {
  const on = form.document?.spec.helpers;
  return (
    <Part title="Helpers" small="at their usual ports">
      <p className="small dim2" data-guide="helpers">
        {on === undefined
          ? 'The policy says nothing about helpers: they stay as they are.'
          : on.length === 0
            ? 'None: all of them are switched off. '
            : 'Exactly these; all others are switched off. '}
        {on !== undefined && !form.isOff && (
          <button type="button" className="link" onClick={() => form.change(FIELD, setValue(['spec', 'helpers'], undefined))}>
            Say nothing about helpers
          </button>
        )}
      </p>
      <ul className="helper-checks">
        {Object.entries(HELPERS).map(([name, { ports }]) => (
          <li key={name}>
            <label className="row" data-guide={`helpers.${name}`} data-field={FIELD}>
              <input
                type="checkbox"
                checked={on?.includes(name) ?? false}
                disabled={form.isOff}
                aria-describedby="policy-guidance"
                onChange={({ currentTarget: { checked } }) => form.change(FIELD, setHelper(name, checked))}
              />
              <span className="mono">{name}</span>
              <span className="dim small">{ports.map(({ proto, port }) => `${proto} ${port}`).join(', ')}</span>
            </label>
          </li>
        ))}
      </ul>
    </Part>
  );
}
