'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { MIN_PASSWORD_LENGTH } from '../../../proto/http/people.ts';
import { changePassword } from '../../lib/controller/session.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { PasswordField } from './password-field.tsx';
import { useChanged } from './use-changed.ts';

/** A new password ends all other sessions. */
export function Password() {
  const changed = useChanged();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () => changePassword(current, next),
    onSuccess() {
      setCurrent('');
      setNext('');
      return changed();
    },
  });
  const refusal = change.isPending
    ? 'It is being changed.'
    : current === ''
      ? 'Enter your current password first.'
      : next.length < MIN_PASSWORD_LENGTH
        ? `A password has at least ${MIN_PASSWORD_LENGTH} characters.`
        : undefined;
  return (
    <section className="setting">
      <h2>
        Password<small>a new one ends your other sessions</small>
      </h2>
      <form
        className="account-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (refusal === undefined) change.mutate();
        }}
      >
        <PasswordField label="Current password" value={current} onChange={setCurrent} />
        <PasswordField label="New password" isNew value={next} onChange={setNext} />
        {change.error && <Failure what="The password stays as before" error={change.error} />}
        {change.isSuccess && <p role="status">The password is changed; your other sessions have ended.</p>}
        <Button type="submit" refusal={refusal}>
          Change password
        </Button>
      </form>
    </section>
  );
}
