'use client';

import './people.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { z } from 'zod';
import type { person } from '../../../proto/http/people.ts';
import { counted } from '../../../client/words/format.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { Demands } from './demands.tsx';
import { Invite } from './invite.tsx';
import { PersonRoles } from './person-roles.tsx';
import { Providers } from './providers.tsx';
import { PersonActions } from './person-actions.tsx';

export type Person = z.output<typeof person>;

const STATES = { active: ['ok', 'active'], invited: ['waiting', 'invited'], suspended: ['offline', 'suspended'] } as const;

const MAILS = { waiting: ['waiting', 'mail waits'], failed: ['failed', 'not delivered'] } as const;

const METHODS = { password: 'password', directory: 'directory', totp: 'codes', passkey: 'passkey' } as const;

/** Who may work with ctfleet, and as what. */
export function People() {
  const { data: page, error } = useQuery(queries.people());
  const { data: me } = useQuery(queries.me());
  const refusal = useRefusal('people.write');
  const [openId, setOpenId] = useState<string>();
  const clock = useClock();
  const now = useNow(60_000);
  return (
    <>
      <div className="head">
        <h1>People</h1>
        {page && <span className="dim">{counted(page.items.length, 'person', 'people')} with a role in your tenants</span>}
        <span className="grow" />
        <Link className="btn" href="/people/groups">
          Groups
        </Link>
        <Link className="btn" href="/people/service-accounts">
          Service accounts
        </Link>
      </div>
      <Invite refusal={refusal} />
      <div className="people-list">
        {error && <Failure what="The people could not be read" error={error} />}
        <Unreadable entries={page?.unreadable} />
        {!page && !error && <Skeleton lines={4} />}
        {page && (
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>State</th>
                <th>Roles</th>
                <th>Signs in with</th>
                <th>Last signed in</th>
                <ActionHead />
              </tr>
            </thead>
            <tbody>
              {page.items.map((one) => (
                <tr key={one.id}>
                  <td>
                    <b>{one.name}</b>
                    {one.id === me?.id && <span className="dim"> you</span>}
                    <br />
                    <span className="dim2">{one.email}</span>
                  </td>
                  <td>
                    <State kind={STATES[one.state][0]} isSmall>
                      {STATES[one.state][1]}
                    </State>
                    {one.mail && <MailState mail={one.mail} />}
                    {one.link && (
                      <>
                        <br />
                        <span className="dim small">link until {clock.full(one.link.expiresAt)}</span>
                      </>
                    )}
                  </td>
                  <td>
                    <PersonRoles person={one} isOpen={openId === one.id} refusal={refusal} />
                  </td>
                  <td className="dim">{one.methods.map((method) => METHODS[method]).join(', ') || 'nothing yet'}</td>
                  <td className="dim">{one.lastSignInAt ? clock.when(one.lastSignInAt, now) : 'never'}</td>
                  <td className="num">
                    {openId === one.id ? (
                      <PersonActions person={one} isMe={one.id === me?.id} refusal={refusal} onClose={() => setOpenId(undefined)} />
                    ) : (
                      <Button size="slim" label={`Change ${one.name}`} refusal={refusal} onClick={() => setOpenId(one.id)}>
                        Change
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      <Providers refusal={refusal} />
      <Demands refusal={refusal} />
    </>
  );
}

/** What became of the last mail with a link, with the reason where it is not delivered. */
function MailState({ mail: { state, at, reason } }: { mail: NonNullable<Person['mail']> }) {
  const clock = useClock();
  if (state === 'sent') return <div className="dim small">mail taken {clock.full(at)}</div>;
  const [kind, word] = MAILS[state];
  return (
    <div className="small">
      <State kind={kind} isSmall>
        {word}
      </State>
      {reason !== undefined && <span className="dim2">: {reason}</span>}
    </div>
  );
}
