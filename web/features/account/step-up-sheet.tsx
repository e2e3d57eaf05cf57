'use client';

import { Modal } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { enterCode, proveByPasskey } from '../../lib/controller/session.ts';
import { canUsePasskeys } from '../../lib/controller/passkey.ts';
import { settleProof, useProofAsked } from '../../lib/controller/step-up.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';

/** Asks for a second factor before something that matters is done; what was asked for then goes on by itself. */
export function StepUpSheet() {
  const isAsked = useProofAsked();
  return (
    <Modal
      opened={isAsked}
      onClose={() => settleProof(false)}
      title="Prove that it is you"
      closeButtonProps={{ 'aria-label': 'Do not go on' }}
      transitionProps={{ duration: 0 }}
      lockScroll={false}
    >
      {isAsked && <Proof />}
    </Modal>
  );
}

function Proof() {
  const [code, setCode] = useState('');
  const onSuccess = () => settleProof(true);
  const byCode = useMutation({ mutationFn: () => enterCode(code), onSuccess });
  const byPasskey = useMutation({ mutationFn: proveByPasskey, onSuccess });
  const isPending = byCode.isPending || byPasskey.isPending;
  const error = byCode.error ?? byPasskey.error;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (code.trim() !== '' && !isPending) byCode.mutate();
      }}
    >
      <p className="dim2">For the next five minutes you are not asked again. Nothing has been done yet.</p>
      <label className="stack">
        Code of your authenticator app, or a recovery code
        <span className="input">
          <input
            data-autofocus
            autoComplete="one-time-code"
            value={code}
            maxLength={20}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
        </span>
      </label>
      {error && <Failure what="Not proved" error={error} />}
      <div className="row">
        <Button
          type="submit"
          kind="primary"
          refusal={code.trim() === '' ? 'Enter a code first.' : isPending ? 'It is being checked.' : undefined}
        >
          Go on
        </Button>
        <Button refusal={canUsePasskeys() ? undefined : 'This browser knows no passkeys.'} onClick={() => byPasskey.mutate()}>
          Use a passkey
        </Button>
      </div>
    </form>
  );
}
