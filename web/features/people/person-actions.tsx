'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { MadeLink } from './made-link.tsx';
import type { Person } from './people.tsx';

interface PersonActionsProps {
  person: Person;
  isMe: boolean;
  refusal?: string;
  onClose(): void;
}

/** A new link, an end for now, or an end for good; the last asks once more. */
export function PersonActions({ person: { id, name, state, methods }, isMe, refusal, onClose }: PersonActionsProps) {
  const client = useQueryClient();
  const [isSure, setIsSure] = useState(false);
  const onSettled = () => client.invalidateQueries({ queryKey: ['people'] });
  const params = { id };
  const link = useMutation({ mutationFn: () => call(routes.createSignInLink, { params }), onSettled });
  const suspend = useMutation({ mutationFn: () => call(routes.suspendPerson, { params }), onSettled });
  const resume = useMutation({ mutationFn: () => call(routes.resumePerson, { params }), onSettled });
  const disarm = useMutation({ mutationFn: () => call(routes.removeSecondFactors, { params }), onSettled });
  const remove = useMutation({ mutationFn: () => call(routes.removePerson, { params }), onSettled });
  const notMe = refusal ?? (isMe ? 'Another owner has to do this.' : undefined);
  const error = link.error ?? suspend.error ?? resume.error ?? disarm.error ?? remove.error;
  return (
    <div className="stack">
      <div className="row">
        {state !== 'suspended' && (
          <Button size="slim" refusal={refusal} onClick={() => link.mutate()}>
            New sign-in link
          </Button>
        )}
        {methods.some((method) => method !== 'password') && (
          <Button size="slim" refusal={notMe} onClick={() => disarm.mutate()}>
            Remove second factors
          </Button>
        )}
        {state === 'suspended' ? (
          <Button size="slim" refusal={notMe} onClick={() => resume.mutate()}>
            Resume
          </Button>
        ) : (
          <Button size="slim" refusal={notMe} onClick={() => suspend.mutate()}>
            Suspend
          </Button>
        )}
        <Button
          size="slim"
          kind={isSure ? 'danger' : 'danger-line'}
          refusal={notMe}
          onClick={() => (isSure ? remove.mutate() : setIsSure(true))}
        >
          {isSure ? `Remove ${name} for good` : 'Remove'}
        </Button>
        <Button size="slim" kind="quiet" onClick={onClose}>
          Close
        </Button>
      </div>
      {error && <Failure what={`${name} stays as before`} error={error} />}
      {link.data && <MadeLink name={name} made={link.data} />}
    </div>
  );
}
