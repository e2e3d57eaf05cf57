'use client';

import '../settings/settings.css';
import './account.css';
import { useQuery } from '@tanstack/react-query';
import type { z } from 'zod';
import type { account } from '../../../proto/http/account.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { SignOut } from '../access/sign-out.tsx';
import { Codes } from './codes.tsx';
import { OwnSessions } from './own-sessions.tsx';
import { Passkeys } from './passkeys.tsx';
import { Password } from './password.tsx';

export type OwnAccount = z.output<typeof account>;

/** How I sign in, and where I am signed in. */
export function Account() {
  const { data, error, refetch } = useQuery(queries.account());
  return (
    <>
      <div className="head">
        <h1>My account</h1>
      </div>
      {error && <Failure what="Your account could not be read" error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton lines={6} />}
      {data && (
        <>
          {data.isSecondFactorDemanded && !data.hasTotp && data.passkeys.length === 0 && (
            <p className="note amber account-note" role="status">
              A second factor is demanded of you. Set up codes or a passkey here; until then you reach nothing else.
            </p>
          )}
          <div className="settings">
            <Who account={data} />
            <Passkeys account={data} />
            <Codes account={data} />
            {data.hasPassword && <Password />}
            <OwnSessions account={data} />
          </div>
        </>
      )}
    </>
  );
}

function Who({ account: { name, email, grants } }: { account: OwnAccount }) {
  const { data: tenants } = useQuery(queries.tenants());
  return (
    <section className="setting">
      <h2>
        You<small>and what you may do</small>
      </h2>
      <div className="stack">
        <p>
          <b>{name}</b> <span className="dim2">{email}</span>
        </p>
        <ul className="mini">
          {grants.map(({ role, tenantId }) => (
            <li key={`${role}.${tenantId}`}>
              <span>{role}</span>
              <span className="dim2">
                {tenantId === null ? 'all tenants' : (tenants?.find(({ id }) => id === tenantId)?.name ?? tenantId)}
              </span>
            </li>
          ))}
        </ul>
        <div>
          <SignOut />
        </div>
      </div>
    </section>
  );
}
