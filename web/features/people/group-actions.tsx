'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { MAX_GROUP_NAME_LENGTH } from '../../../proto/http/groups.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import type { Group } from './groups.tsx';
import { useGroupChange, useReadAgain } from './use-group-change.ts';

/** Another name, or an end for good, which asks once more. */
export function GroupActions({ group, refusal, onClose }: { group: Group; refusal?: string; onClose(): void }) {
  const { id, name } = group;
  const [next, setNext] = useState(name);
  const [isSure, setIsSure] = useState(false);
  const change = useGroupChange(group);
  const remove = useMutation({ mutationFn: () => call(routes.removeGroup, { params: { id } }), onSettled: useReadAgain() });
  const waiting = next.trim() === '' || next.trim() === name ? 'Write another name first.' : undefined;
  const error = change.error ?? remove.error;
  return (
    <div className="stack">
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          if ((refusal ?? waiting) === undefined) change.mutate({ name: next });
        }}
      >
        <label className="input">
          New name
          <input value={next} maxLength={MAX_GROUP_NAME_LENGTH} onChange={(event) => setNext(event.currentTarget.value)} />
        </label>
        <Button type="submit" size="slim" refusal={refusal ?? waiting}>
          Rename
        </Button>
      </form>
      <div className="row">
        <Button
          size="slim"
          kind={isSure ? 'danger' : 'danger-line'}
          refusal={refusal}
          onClick={() => (isSure ? remove.mutate() : setIsSure(true))}
        >
          {isSure ? `Remove ${name}, with the roles it gave` : 'Remove'}
        </Button>
        <Button size="slim" kind="quiet" onClick={onClose}>
          Close
        </Button>
      </div>
      {error && <Failure what={`${name} stays as before`} error={error} />}
    </div>
  );
}
