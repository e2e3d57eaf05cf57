'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { IconUserPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import type { Grant } from '../../../proto/model/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { MadeLink } from './made-link.tsx';
import { RolePicker } from './role-picker.tsx';

/** One line: who, and as what. The link goes to the colleague by mail, or by whatever way both trust. */
export function Invite({ refusal }: { refusal?: string }) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [grant, setGrant] = useState<Grant>({ role: 'operator', tenantId: null });
  const { data: mail } = useQuery({ ...queries.mail(), enabled: refusal === undefined });
  const invite = useMutation({
    mutationFn: () => call(routes.invitePerson, { body: { name, email, grants: [grant] } }),
    onSuccess() {
      setName('');
      setEmail('');
      void client.invalidateQueries({ queryKey: ['people'] });
    },
  });
  const waiting =
    name.trim() === '' || email.trim() === ''
      ? 'Say who it is: a name and an e-mail address.'
      : invite.isPending
        ? 'It is being made.'
        : undefined;
  return (
    <section className="people-form stack" aria-label="Invite">
      <form
        className="row setting-form"
        onSubmit={(event) => {
          event.preventDefault();
          if ((refusal ?? waiting) === undefined) invite.mutate();
        }}
      >
        <label className="input">
          Name
          <input value={name} maxLength={100} onChange={(event) => setName(event.currentTarget.value)} />
        </label>
        <label className="input">
          E-mail
          <input type="email" value={email} maxLength={254} onChange={(event) => setEmail(event.currentTarget.value)} />
        </label>
        <RolePicker value={grant} onChange={setGrant} />
        <Button type="submit" kind="primary" icon={IconUserPlus} refusal={refusal ?? waiting}>
          Invite
        </Button>
      </form>
      {mail && !invite.data && (
        <p className="dim small">
          {mail.isSet
            ? 'The link to sign in with is sent to that address by mail.'
            : 'You get a link to hand over; no mail is sent from here.'}
        </p>
      )}
      {invite.error && <Failure what="Nobody was invited" error={invite.error} />}
      {invite.data && <MadeLink name={invite.data.name} made={invite.data.made} />}
    </section>
  );
}
