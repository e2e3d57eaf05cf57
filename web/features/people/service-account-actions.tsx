'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS } from '../../../proto/http/service-accounts.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { ChangeServiceAccount } from './change-service-account.tsx';
import type { ServiceAccount } from './service-accounts.tsx';
import { ShownSecret } from './shown-secret.tsx';

interface ServiceAccountActionsProps {
  account: ServiceAccount;
  refusal?: string;
  onClose(): void;
}

/** Another name or rights, a new secret beside the present one, another year, an end for now or for good; the last asks once more. */
export function ServiceAccountActions({ account, refusal, onClose }: ServiceAccountActionsProps) {
  const { id, name, state, secrets } = account;
  const client = useQueryClient();
  const [isSure, setIsSure] = useState(false);
  const [hours, setHours] = useState(String(DEFAULT_OVERLAP_HOURS));
  const onSettled = () => client.invalidateQueries({ queryKey: ['service-accounts'] });
  const params = { id };
  const rotate = useMutation({
    mutationFn: () => call(routes.rotateServiceAccount, { params, body: { overlapHours: Number(hours) } }),
    onSettled,
  });
  const endEarlier = useMutation({ mutationFn: () => call(routes.endEarlierSecret, { params }), onSettled });
  const extend = useMutation({ mutationFn: () => call(routes.updateServiceAccount, { params, body: { expiresInDays: 365 } }), onSettled });
  const suspend = useMutation({ mutationFn: () => call(routes.suspendServiceAccount, { params }), onSettled });
  const resume = useMutation({ mutationFn: () => call(routes.resumeServiceAccount, { params }), onSettled });
  const remove = useMutation({ mutationFn: () => call(routes.removeServiceAccount, { params }), onSettled });
  const hasEarlier = secrets.some(({ endsAt }) => endsAt !== undefined);
  const waiting =
    hours === '' || Number(hours) > MAX_OVERLAP_HOURS
      ? `The earlier secret can go on for 0 to ${MAX_OVERLAP_HOURS} hours.`
      : hasEarlier && Number(hours) > 0
        ? 'Two secrets are valid at most: end the earlier one first, or say 0 hours to end both now.'
        : rotate.isPending
          ? 'It is being made.'
          : undefined;
  const error = rotate.error ?? endEarlier.error ?? extend.error ?? suspend.error ?? resume.error ?? remove.error;
  return (
    <div className="stack">
      <ChangeServiceAccount account={account} refusal={refusal} />
      <div className="row">
        <label className="input">
          Earlier secret works for hours
          <input
            style={{ width: 36 }}
            inputMode="numeric"
            value={hours}
            onChange={(event) => setHours(event.currentTarget.value.replaceAll(/\D/g, ''))}
          />
        </label>
        <Button size="slim" refusal={refusal ?? waiting} onClick={() => rotate.mutate()}>
          New secret
        </Button>
        {hasEarlier && (
          <Button size="slim" refusal={refusal} onClick={() => endEarlier.mutate()}>
            End the earlier secret
          </Button>
        )}
      </div>
      <div className="row">
        <Button size="slim" refusal={refusal} onClick={() => extend.mutate()}>
          A year from now
        </Button>
        {state === 'suspended' ? (
          <Button size="slim" refusal={refusal} onClick={() => resume.mutate()}>
            Resume
          </Button>
        ) : (
          <Button size="slim" refusal={refusal} onClick={() => suspend.mutate()}>
            Suspend
          </Button>
        )}
        <Button
          size="slim"
          kind={isSure ? 'danger' : 'danger-line'}
          refusal={refusal}
          onClick={() => (isSure ? remove.mutate() : setIsSure(true))}
        >
          {isSure ? `Remove ${name} for good` : 'Remove'}
        </Button>
        <Button size="slim" kind="quiet" onClick={onClose}>
          Close
        </Button>
      </div>
      {error && <Failure what={`${name} stays as before`} error={error} />}
      {rotate.data && <ShownSecret name={name} secret={rotate.data.secret} />}
    </div>
  );
}
