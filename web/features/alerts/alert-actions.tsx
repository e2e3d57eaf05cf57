'use client';

import { useState } from 'react';
import type { Alert } from '../../../proto/http/alerts.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { Button } from '../../ui/button.tsx';
import { useKey } from '../../ui/keys.ts';
import { useHandleAlert, type Handling } from './use-handle-alert.ts';

const HOUR_MS = 3_600_000;

/** Looking after it, giving it away, keeping it quiet, and saying something about it. */
export function AlertActions({ alert }: { alert: Alert }) {
  const [note, setNote] = useState('');
  const refusal = useRefusal('alerts.handle', alert.tenantId === undefined ? [] : [alert.tenantId]);
  const handling = useHandleAlert(alert.id);
  const press = (what: Handling): void => {
    if (!refusal && !handling.isPending) handling.mutate(what, { onSuccess: () => what.do === 'note' && setNote('') });
  };
  const acknowledge = (): void => {
    if (!alert.acknowledged) press({ do: 'acknowledge' });
  };
  useKey('shift+k', acknowledge);
  const silenceFor = (hours: number): void => press({ do: 'silence', until: new Date(Date.now() + hours * HOUR_MS).toISOString() });
  return (
    <div className="stack">
      <div className="row">
        <Button
          keys="Shift k"
          refusal={refusal ?? (alert.acknowledged ? `${alert.acknowledged.byName} looks after it.` : undefined)}
          onClick={acknowledge}
        >
          Acknowledge
        </Button>
        {alert.silenced ? (
          <Button kind="quiet" refusal={refusal} onClick={() => press({ do: 'silence', until: null })}>
            End its silence
          </Button>
        ) : (
          <>
            <Button kind="quiet" refusal={refusal} onClick={() => silenceFor(1)}>
              Silence for 1 h
            </Button>
            <Button kind="quiet" refusal={refusal} onClick={() => silenceFor(8)}>
              Silence for 8 h
            </Button>
          </>
        )}
      </div>
      <form
        className="alert-note"
        onSubmit={(event) => {
          event.preventDefault();
          if (note.trim() !== '') press({ do: 'note', note: note.trim() });
        }}
      >
        <label className="input grow">
          Note
          <input
            placeholder="for whoever looks at it next"
            value={note}
            maxLength={2000}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
        </label>
        <Button type="submit" kind="quiet" refusal={refusal ?? (note.trim() === '' ? 'Write something first.' : undefined)}>
          Add note
        </Button>
      </form>
      {handling.error && (
        <p className="red" role="alert">
          {handling.error.message}
        </p>
      )}
    </div>
  );
}
