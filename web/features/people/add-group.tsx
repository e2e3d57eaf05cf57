'use client';

import { useMutation } from '@tanstack/react-query';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { MAX_GROUP_NAME_LENGTH } from '../../../proto/http/groups.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { Grant } from '../../../proto/model/access.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { RolePicker } from './role-picker.tsx';
import { useReadAgain } from './use-group-change.ts';

/** One line: a name, and the first role. */
export function AddGroup({ refusal, onAdded }: { refusal?: string; onAdded(id: string): void }) {
  const readAgain = useReadAgain();
  const [name, setName] = useState('');
  const [grant, setGrant] = useState<Grant>({ role: 'operator', tenantId: null });
  const add = useMutation({
    mutationFn: () => call(routes.createGroup, { body: { name, grants: [grant] } }),
    async onSuccess({ id }) {
      setName('');
      await readAgain();
      onAdded(id);
    },
  });
  const waiting = name.trim() === '' ? 'Say what it is called.' : add.isPending ? 'It is being made.' : undefined;
  return (
    <section className="people-form stack" aria-label="Add a group">
      <form
        className="row setting-form"
        onSubmit={(event) => {
          event.preventDefault();
          if ((refusal ?? waiting) === undefined) add.mutate();
        }}
      >
        <label className="input">
          Name
          <input
            value={name}
            maxLength={MAX_GROUP_NAME_LENGTH}
            placeholder="NOC"
            onChange={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <RolePicker value={grant} onChange={setGrant} />
        <Button type="submit" kind="primary" icon={IconPlus} refusal={refusal ?? waiting}>
          Add
        </Button>
      </form>
      {add.error && <Failure what="No group was added" error={add.error} />}
    </section>
  );
}
