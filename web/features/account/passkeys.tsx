'use client';

import { useMutation } from '@tanstack/react-query';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { call } from '../../lib/controller/client.ts';
import { canUsePasskeys, makePasskey } from '../../lib/controller/passkey.ts';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';
import type { OwnAccount } from './account.tsx';
import { PasswordField } from './password-field.tsx';
import { useChanged } from './use-changed.ts';

/** Passkeys of this person: made, named, listed and removed. */
export function Passkeys({ account }: { account: OwnAccount }) {
  const { passkeys } = account;
  const clock = useClock();
  const now = useNow(60_000);
  const onSettled = useChanged();
  const remove = useMutation({ mutationFn: (id: string) => call(routes.removePasskey, { params: { id } }), onSettled });
  return (
    <section className="setting">
      <h2>
        Passkeys<small>finger, face or PIN instead of password and code</small>
      </h2>
      <div className="stack">
        {passkeys.length > 0 && (
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>Kept</th>
                <th>Added</th>
                <th>Last used</th>
                <ActionHead />
              </tr>
            </thead>
            <tbody>
              {passkeys.map((one) => (
                <tr key={one.id}>
                  <td>
                    <PasskeyName id={one.id} name={one.name} />
                  </td>
                  <td className="dim">{one.isSynced ? 'on several devices' : 'on one device'}</td>
                  <td className="dim">{clock.when(one.createdAt, now)}</td>
                  <td className="dim">{one.lastUsedAt ? clock.when(one.lastUsedAt, now) : 'never'}</td>
                  <td className="num">
                    <Button size="slim" kind="danger-line" label={`Remove ${one.name}`} onClick={() => remove.mutate(one.id)}>
                      Remove
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {passkeys.some(({ publicKey }) => publicKey !== undefined) && (
          <details>
            <summary>Public keys, for gateways that demand your signature</summary>
            {passkeys.map(
              ({ id, name, publicKey }) =>
                publicKey !== undefined && (
                  <div className="stack" key={id}>
                    <h3>{name}</h3>
                    <CopyBlock text={publicKey} label={`public key of ${name}`} />
                  </div>
                ),
            )}
          </details>
        )}
        {remove.error && <Failure what="The passkey is still there" error={remove.error} />}
        <AddPasskey account={account} />
      </div>
    </section>
  );
}

function PasskeyName({ id, name }: { id: string; name: string }) {
  const [draft, setDraft] = useState(name);
  const rename = useMutation({
    mutationFn: () => call(routes.renamePasskey, { params: { id }, body: { name: draft } }),
    onSettled: useChanged(),
  });
  const save = () => {
    if (draft.trim() !== '' && draft.trim() !== name) rename.mutate();
    else setDraft(name);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <span className="input">
        <input
          aria-label={`Name of ${name}`}
          value={draft}
          maxLength={100}
          onBlur={save}
          onChange={(event) => setDraft(event.currentTarget.value)}
        />
      </span>
      {rename.error && <p className="red">{rename.error.message}</p>}
    </form>
  );
}

function AddPasskey({ account: { hasPassword, hasTotp, passkeys, passkeyRefusal } }: { account: OwnAccount }) {
  const changed = useChanged();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const needsPassword = hasPassword && !hasTotp && passkeys.length === 0;
  const add = useMutation({
    async mutationFn() {
      const options = await call(routes.createPasskeyOptions, { body: needsPassword ? { password } : {} });
      await call(routes.addPasskey, { body: { name, response: await makePasskey(options) } });
    },
    onSuccess() {
      setName('');
      setPassword('');
      return changed();
    },
  });
  const refusal =
    passkeyRefusal ??
    (!canUsePasskeys()
      ? 'This browser knows no passkeys.'
      : add.isPending
        ? 'The browser is making it.'
        : name.trim() === ''
          ? 'Name it first, by the device it is on.'
          : needsPassword && password === ''
            ? 'Enter your password first.'
            : undefined);
  return (
    <form
      className="account-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (refusal === undefined) add.mutate();
      }}
    >
      <div className="row">
        <label>
          Name
          <span className="input">
            <input value={name} maxLength={100} placeholder="work laptop" onChange={(event) => setName(event.currentTarget.value)} />
          </span>
        </label>
        {needsPassword && <PasswordField value={password} onChange={setPassword} />}
      </div>
      {add.error && <Failure what="No passkey was added" error={add.error} />}
      <Button type="submit" icon={IconKey} refusal={refusal}>
        Add a passkey
      </Button>
    </form>
  );
}
