'use client';

import './sign-in.css';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState } from 'react';
import { MIN_PASSWORD_LENGTH } from '../../../proto/http/people.ts';
import { useClock } from '../../lib/clock.tsx';
import { choosePassword, lookAtLink } from '../../lib/controller/session.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Skeleton } from '../../ui/feedback.tsx';
import { Brand } from './brand.tsx';
import { SecondStep } from './second-step.tsx';

/** Where a sign-in link leads: a person chooses a password, and is signed in. */
export function Welcome() {
  const router = useRouter();
  const client = useQueryClient();
  const clock = useClock();
  const [token, setToken] = useState<string>();
  const [password, setPassword] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const owner = useMutation({ mutationFn: lookAtLink });
  const { mutate: look } = owner;
  useEffect(() => {
    const given = window.location.hash.slice(1);
    setToken(given);
    look(given);
  }, [look]);
  useEffect(() => field.current?.focus(), [owner.data]);
  const [second, setSecond] = useState<{ hasCodes: boolean }>();
  const enter = () => {
    client.clear();
    router.replace('/');
  };
  const choose = useMutation({
    mutationFn: () => choosePassword(token ?? '', password),
    onSuccess(step) {
      if (step.isDone) enter();
      else setSecond(step);
    },
  });
  const refusal = choose.isPending
    ? 'It is being done.'
    : password.length < MIN_PASSWORD_LENGTH
      ? `A password has at least ${MIN_PASSWORD_LENGTH} characters.`
      : undefined;
  if (second)
    return (
      <main className="sign-in">
        <SecondStep hasCodes={second.hasCodes} onDone={enter} />
      </main>
    );
  return (
    <main className="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (refusal === undefined) choose.mutate();
        }}
      >
        <Brand />
        {owner.error ? (
          <>
            <h1>This link does not work</h1>
            <p className="note red" role="alert">
              {owner.error.message}
            </p>
            <Link href="/sign-in">Sign in</Link>
          </>
        ) : owner.data ? (
          <>
            <h1>Welcome, {owner.data.name}</h1>
            <p className="dim2">
              {owner.data.createdBy} made this link for {owner.data.email}. Choose a password; the link works once, until{' '}
              {clock.full(owner.data.expiresAt)} ({clock.zone}).
            </p>
            <input type="email" autoComplete="username" value={owner.data.email} readOnly hidden />
            <label>
              New password
              <input
                type="password"
                autoComplete="new-password"
                required
                ref={field}
                value={password}
                onChange={(event) => setPassword(event.currentTarget.value)}
              />
            </label>
            <p className="dim small">
              At least {MIN_PASSWORD_LENGTH} characters. Several unrelated words are easy to keep and hard to guess.
            </p>
            {choose.error && (
              <p className="note red" role="alert">
                {choose.error.message}
              </p>
            )}
            <Button type="submit" kind="primary" size="large" refusal={refusal}>
              {choose.isPending ? 'Signing in…' : 'Choose it and sign in'}
            </Button>
          </>
        ) : (
          <Skeleton lines={3} />
        )}
      </form>
    </main>
  );
}
