'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { enterCode, makeRecoveryCodes, removeCodes, setUpCodes } from '../../lib/controller/session.ts';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { QrCode } from '../../ui/qr-code.tsx';
import { State } from '../../ui/state.tsx';
import type { OwnAccount } from './account.tsx';
import { PasswordField } from './password-field.tsx';
import { useChanged } from './use-changed.ts';

/** Codes of an authenticator app, and recovery codes for the day when it is lost. */
export function Codes({ account: { hasTotp, hasPassword } }: { account: OwnAccount }) {
  const changed = useChanged();
  const [password, setPassword] = useState('');
  const [recoveryCodes, setRecoveryCodes] = useState<string[]>();
  const setUp = useMutation({ mutationFn: () => setUpCodes(password), onSuccess: () => setPassword('') });
  const renew = useMutation({
    mutationFn: () => makeRecoveryCodes(password),
    onSuccess(codes) {
      setPassword('');
      setRecoveryCodes(codes);
    },
  });
  const remove = useMutation({
    mutationFn: () => removeCodes(password),
    onSuccess() {
      setPassword('');
      setRecoveryCodes(undefined);
      setUp.reset();
      return changed();
    },
  });
  const refusal = password === '' ? 'Enter your password first.' : undefined;
  const error = setUp.error ?? renew.error ?? remove.error;
  return (
    <section className="setting">
      <h2>
        Codes<small>of an authenticator app, after the password</small>
      </h2>
      <div className="account-form">
        {hasTotp && <State kind="ok">set up</State>}
        {!hasPassword && <p className="dim">Codes go with a password, and this account has none.</p>}
        {setUp.data && !hasTotp && (
          <Confirm
            uri={setUp.data.totpURI}
            onConfirmed={() => {
              setRecoveryCodes(setUp.data.backupCodes);
              void changed();
            }}
          />
        )}
        {hasPassword && !(setUp.data && !hasTotp) && (
          <>
            <PasswordField value={password} onChange={setPassword} />
            <div className="row">
              {hasTotp ? (
                <>
                  <Button refusal={refusal} onClick={() => renew.mutate()}>
                    New recovery codes
                  </Button>
                  <Button kind="danger-line" refusal={refusal} onClick={() => remove.mutate()}>
                    Remove codes
                  </Button>
                </>
              ) : (
                <Button refusal={refusal} onClick={() => setUp.mutate()}>
                  Set up codes
                </Button>
              )}
            </div>
          </>
        )}
        {error && <Failure what="Nothing was changed" error={error} />}
        {recoveryCodes && hasTotp && (
          <div className="note stack">
            <p>Keep these where your phone is not. Each works once instead of a code; they are shown only here.</p>
            <CopyBlock text={recoveryCodes.join('\n')} label="recovery codes" />
          </div>
        )}
      </div>
    </section>
  );
}

/** The secret as picture and as text, until one of its codes was entered. */
function Confirm({ uri, onConfirmed }: { uri: string; onConfirmed(): void }) {
  const [code, setCode] = useState('');
  const confirm = useMutation({ mutationFn: () => enterCode(code), onSuccess: onConfirmed });
  return (
    <form
      className="account-qr"
      onSubmit={(event) => {
        event.preventDefault();
        if (/\d/.test(code) && !confirm.isPending) confirm.mutate();
      }}
    >
      <QrCode text={uri} label="Secret for an authenticator app" />
      <div className="account-form">
        <p>Scan this with an authenticator app, or type the key into it. Then enter the code that it shows.</p>
        <CopyBlock text={new URL(uri).searchParams.get('secret') ?? ''} label="key" />
        <label>
          Code
          <span className="input">
            <input
              autoComplete="one-time-code"
              inputMode="numeric"
              value={code}
              maxLength={10}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
          </span>
        </label>
        {confirm.error && <Failure what="Not set up yet" error={confirm.error} />}
        <Button type="submit" kind="primary" refusal={/\d/.test(code) ? undefined : 'Enter the code first.'}>
          Confirm
        </Button>
      </div>
    </form>
  );
}
