'use client';

import './sign-in.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { parseAsString, useQueryState } from 'nuqs';
import { useEffect, useRef, useState } from 'react';
import { isResetOffered, signIn } from '../../lib/controller/session.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Brand } from './brand.tsx';
import { refusalBy, SignInProviders } from './sign-in-providers.tsx';
import { PasskeySignIn, SecondStep } from './second-step.tsx';

/**
 * Signs in, by password and what else is asked for, by passkey or by directory. Distinguishes a wrong password, a locked sign-in and an
 * unreachable controller.
 */
export function SignIn() {
  const router = useRouter();
  const client = useQueryClient();
  const [next] = useQueryState('next', parseAsString.withDefault('/'));
  const [refused] = useQueryState('refused', parseAsString);
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const [second, setSecond] = useState<{ hasCodes: boolean }>();
  const enter = () => {
    client.clear();
    router.replace(localPath(next));
  };
  const { data: isOffered } = useQuery({ queryKey: ['ways'], queryFn: isResetOffered, retry: false });
  const attempt = useMutation({
    mutationFn: () => signIn(email.trim(), password),
    onSuccess(step) {
      if (step.isDone) enter();
      else setSecond(step);
    },
  });
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
          if (!attempt.isPending) attempt.mutate();
        }}
      >
        <Brand />
        <h1>Sign in</h1>
        <p className="dim2">Connection tracking on every gateway you run.</p>
        <label>
          E-mail
          <input
            type="email"
            autoComplete="username"
            required
            ref={first}
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
        </label>
        <label>
          Password
          <input
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        {refused !== null && !attempt.error && (
          <p className="note red" role="alert">
            {refusalBy(refused)}
          </p>
        )}
        {attempt.error && (
          <p className="note red" role="alert">
            {attempt.error.message}
          </p>
        )}
        {isOffered && (
          <Link className="link small" href="/forgot">
            Forgot your password?
          </Link>
        )}
        <details className="dim small">
          <summary>No account yet, or no password?</summary>An owner or admin makes a link for you, under People. The very first account is
          made where the controller runs: <span className="mono">bootstrap.js --email … --name …</span> (docs/operating.md).
        </details>
        <Button type="submit" kind="primary" size="large" refusal={attempt.isPending ? 'Signing in.' : undefined}>
          {attempt.isPending ? 'Signing in…' : 'Sign in'}
        </Button>
        <PasskeySignIn onDone={enter} />
        <SignInProviders next={localPath(next)} />
      </form>
    </main>
  );
}

/** Accepts only a path of this console, never another site. */
export function localPath(next: string): string {
  return /^\/(?![/\\])/.test(next) ? next : '/';
}
