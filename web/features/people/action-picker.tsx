'use client';

import { ACTIONS, isAllowed, type Action, type Role } from '../../../proto/model/access.ts';

/** Some of what a role allows; none chosen is all of it. */
export function ActionPicker({ role, value, onChange }: { role: Role; value: Action[]; onChange(actions: Action[]): void }) {
  const offered = (Object.keys(ACTIONS) as Action[]).filter(
    (action) => isAllowed(role, action) && !action.endsWith('.self') && action !== 'me.read',
  );
  return (
    <details>
      <summary className="dim">
        {value.length === 0 ? `May do all that the role ${role} allows; choose only some` : `May do only ${value.join(', ')}`}
      </summary>
      <div className="people-actions">
        {offered.map((action) => (
          <label key={action}>
            <input
              type="checkbox"
              checked={value.includes(action)}
              onChange={(event) => onChange(event.currentTarget.checked ? [...value, action] : value.filter((one) => one !== action))}
            />{' '}
            <span className="mono">{action}</span>
          </label>
        ))}
      </div>
    </details>
  );
}
