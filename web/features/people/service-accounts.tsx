'use client';

import './people.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { z } from 'zod';
import type { serviceAccount } from '../../../proto/http/service-accounts.ts';
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
import { AddServiceAccount } from './add-service-account.tsx';
import { useTenantName } from './role-picker.tsx';
import { ServiceAccountActions } from './service-account-actions.tsx';

export type ServiceAccount = z.output<typeof serviceAccount>;

const STATES = { active: 'ok', suspended: 'offline', expired: 'never' } as const;

/** The accounts of programs: what each may do, until when, and whether it is used. */
export function ServiceAccounts() {
  const { data: page, error } = useQuery(queries.serviceAccounts());
  const refusal = useRefusal('people.write');
  return (
    <>
      <div className="head">
        <h1>Service accounts</h1>
        <span className="dim">for programs; they belong to no person, and decide nothing about people</span>
        <span className="grow" />
        <Link className="btn" href="/people">
          People
        </Link>
      </div>
      <AddServiceAccount refusal={refusal} />
      <div className="people-list">
        {error && <Failure what="The service accounts could not be read" error={error} />}
        <Unreadable entries={page?.unreadable} />
        {!page && !error && <Skeleton lines={3} />}
        {page?.items.length === 0 && <p className="dim">There are none in your tenants.</p>}
        {page && page.items.length > 0 && <AccountTable accounts={page.items} refusal={refusal} />}
      </div>
    </>
  );
}

function AccountTable({ accounts, refusal }: { accounts: ServiceAccount[]; refusal?: string }) {
  const [openId, setOpenId] = useState<string>();
  return (
    <table>
      <thead>
        <tr>
          <th>Name</th>
          <th>State</th>
          <th>May</th>
          <th>Expires</th>
          <th>Last used</th>
          <ActionHead />
        </tr>
      </thead>
      <tbody>
        {accounts.map((one) => (
          <AccountRow
            key={one.id}
            account={one}
            isOpen={openId === one.id}
            refusal={refusal}
            onOpen={(isOpen) => setOpenId(isOpen ? one.id : undefined)}
          />
        ))}
      </tbody>
    </table>
  );
}

interface AccountRowProps {
  account: ServiceAccount;
  isOpen: boolean;
  refusal?: string;
  onOpen(isOpen: boolean): void;
}

function AccountRow({ account, isOpen, refusal, onOpen }: AccountRowProps) {
  const clock = useClock();
  const now = useNow(60_000);
  const nameOf = useTenantName();
  const { name, purpose, state, role, tenantId, actions, expiresAt, lastUsedAt, secrets } = account;
  const earlier = secrets.find(({ endsAt }) => endsAt !== undefined);
  return (
    <tr>
      <td>
        <b>{name}</b>
        <br />
        <span className="dim2">{purpose}</span>
      </td>
      <td>
        <State kind={STATES[state]} isSmall>
          {state}
        </State>
      </td>
      <td>
        {role} <span className="dim2">{nameOf(tenantId)}</span>
        {actions && (
          <>
            <br />
            <span className="dim small" title={actions.join(', ')}>
              only {actions.length <= 3 ? actions.join(', ') : counted(actions.length, 'action')}
            </span>
          </>
        )}
      </td>
      <td className="dim">{clock.full(expiresAt)}</td>
      <td className="dim">
        {lastUsedAt ? clock.when(lastUsedAt, now) : 'never'}
        {earlier?.endsAt && (
          <>
            <br />
            <span className="small">
              earlier secret until {clock.full(earlier.endsAt)}, last used{' '}
              {earlier.lastUsedAt ? clock.when(earlier.lastUsedAt, now) : 'never'}
            </span>
          </>
        )}
      </td>
      <td className="num">
        {isOpen ? (
          <ServiceAccountActions account={account} refusal={refusal} onClose={() => onOpen(false)} />
        ) : (
          <Button size="slim" label={`Change ${name}`} refusal={refusal} onClick={() => onOpen(true)}>
            Change
          </Button>
        )}
      </td>
    </tr>
  );
}
