'use client';

import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { enterCode, signInByPasskey } from '../../lib/controller/session.ts';
import { canUsePasskeys } from '../../lib/controller/passkey.ts';
import { Button } from '../../ui/button.tsx';

interface SecondStepProps {
  /** False for somebody whose only second factor is a passkey. */
  hasCodes: boolean;
  onDone(): void;
}

/** After the password: a code, a recovery code or a passkey. */
export function SecondStep({ hasCodes, onDone }: SecondStepProps) {
  const [code, setCode] = useState('');
  const [isRecovery, setRecovery] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), [isRecovery]);
  const attempt = useMutation({ mutationFn: () => enterCode(code), onSuccess: onDone });
  const refusal = attempt.isPending ? 'It is being checked.' : code.trim() === '' ? 'Enter a code first.' : undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (refusal === undefined) attempt.mutate();
      }}
    >
      <h1>One more step</h1>
      {hasCodes && (
        <>
          <label>
            {isRecovery ? 'Recovery code' : 'Code of your authenticator app'}
            <input
              ref={field}
              autoComplete="one-time-code"
              inputMode={isRecovery ? 'text' : 'numeric'}
              value={code}
              maxLength={20}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
          </label>
          {attempt.error && (
            <p className="note red" role="alert">
              {attempt.error.message}
            </p>
          )}
          <Button type="submit" kind="primary" size="large" refusal={refusal}>
            Go on
          </Button>
        </>
      )}
      <PasskeySignIn onDone={onDone} />
      {hasCodes && (
        <Button kind="quiet" onClick={() => setRecovery(!isRecovery)}>
          {isRecovery ? 'Use a code of the app' : 'Use a recovery code'}
        </Button>
      )}
      <p className="dim small">All lost? An owner or admin removes your second factors, under People.</p>
    </form>
  );
}

/** Signs in with a passkey, without e-mail and password. */
export function PasskeySignIn({ onDone }: { onDone(): void }) {
  const [canUse, setCanUse] = useState(true);
  useEffect(() => setCanUse(canUsePasskeys()), []);
  const attempt = useMutation({ mutationFn: signInByPasskey, onSuccess: onDone });
  return (
    <>
      {attempt.error && (
        <p className="note red" role="alert">
          {attempt.error.message}
        </p>
      )}
      <Button
        size="large"
        refusal={attempt.isPending ? 'The browser is asking you.' : canUse ? undefined : 'This browser knows no passkeys.'}
        onClick={() => attempt.mutate()}
      >
        Use a passkey
      </Button>
    </>
  );
}
