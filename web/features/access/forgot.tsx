'use client';

import './sign-in.css';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { askForPassword } from '../../lib/controller/session.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Brand } from './brand.tsx';

/** Asks for a link by mail to choose a new password. The answer does not say whether anybody has the address. */
export function Forgot() {
  const [email, setEmail] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const ask = useMutation({ mutationFn: () => askForPassword(email.trim()) });
  return (
    <main className="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!ask.isPending) ask.mutate();
        }}
      >
        <Brand />
        <h1>New password</h1>
        {ask.isSuccess ? (
          <p role="status">
            If somebody signs in with <b>{email.trim()}</b> and a password, a link is on its way there. It works once, within an hour.
            Nothing came? Look at the spam folder, or ask an owner or admin for a link.
          </p>
        ) : (
          <>
            <p className="dim2">You get a link by mail to choose a new one. All your sessions end when you use it.</p>
            <label>
              E-mail
              <input
                type="email"
                autoComplete="username"
                required
                ref={field}
                value={email}
                onChange={(event) => setEmail(event.currentTarget.value)}
              />
            </label>
            {ask.error && (
              <p className="note red" role="alert">
                {ask.error.message}
              </p>
            )}
            <Button type="submit" kind="primary" size="large" refusal={ask.isPending ? 'It is being sent.' : undefined}>
              Send the link
            </Button>
          </>
        )}
        <Link className="link" href="/sign-in">
          Back to the sign-in
        </Link>
      </form>
    </main>
  );
}
