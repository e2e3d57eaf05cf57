'use client';

import './people.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { z } from 'zod';
import type { group } from '../../../proto/http/groups.ts';
import { counted } from '../../../client/words/format.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { AddGroup } from './add-group.tsx';
import { GroupActions } from './group-actions.tsx';
import { GroupMembers } from './group-members.tsx';
import { GroupRoles } from './group-roles.tsx';

export type Group = z.output<typeof group>;

/** People with the same roles. One that is made is opened, so that members can be added. */
export function Groups() {
  const { data: page, error } = useQuery(queries.groups());
  const refusal = useRefusal('people.write');
  const [openId, setOpenId] = useState<string>();
  return (
    <>
      <div className="head">
        <h1>Groups</h1>
        <span className="dim">people with the same roles; whoever is in a group has them</span>
        <span className="grow" />
        <Link className="btn" href="/people">
          People
        </Link>
      </div>
      <AddGroup refusal={refusal} onAdded={setOpenId} />
      <div className="people-list">
        {error && <Failure what="The groups could not be read" error={error} />}
        <Unreadable entries={page?.unreadable} />
        {!page && !error && <Skeleton lines={3} />}
        {page?.items.length === 0 && <p className="dim">There are none in your tenants.</p>}
        {page && page.items.length > 0 && <GroupTable groups={page.items} openId={openId} refusal={refusal} onOpen={setOpenId} />}
      </div>
    </>
  );
}

interface GroupTableProps {
  groups: Group[];
  openId?: string;
  refusal?: string;
  onOpen(id: string | undefined): void;
}

function GroupTable({ groups, openId, refusal, onOpen }: GroupTableProps) {
  return (
    <table>
      <thead>
        <tr>
          <th>Name</th>
          <th>Roles</th>
          <th>Members</th>
          <ActionHead />
        </tr>
      </thead>
      <tbody>
        {groups.map((one) => (
          <tr key={one.id}>
            <td>
              <b>{one.name}</b>
            </td>
            <td>
              <GroupRoles group={one} isOpen={openId === one.id} refusal={refusal} />
            </td>
            <td>
              {openId === one.id ? (
                <GroupMembers group={one} refusal={refusal} />
              ) : (
                <span className="dim">{counted(one.memberCount, 'member')}</span>
              )}
            </td>
            <td className="num">
              {openId === one.id ? (
                <GroupActions group={one} refusal={refusal} onClose={() => onOpen(undefined)} />
              ) : (
                <Button size="slim" label={`Change ${one.name}`} refusal={refusal} onClick={() => onOpen(one.id)}>
                  Change
                </Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
