'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { z } from 'zod';
import type { groupWithMembers } from '../../../proto/http/groups.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import type { Group } from './groups.tsx';
import { useGroupChange } from './use-group-change.ts';

/** Who is in a group; they have its roles with their next request. */
export function GroupMembers({ group: { id }, refusal }: { group: Group; refusal?: string }) {
  const { data: whole, error } = useQuery(queries.group(id));
  if (error) return <Failure what="The members could not be read" error={error} />;
  return whole ? <Members group={whole} refusal={refusal} /> : <Skeleton lines={2} />;
}

function Members({ group, refusal }: { group: z.output<typeof groupWithMembers>; refusal?: string }) {
  const { name, members } = group;
  const { data: people } = useQuery(queries.people());
  const [chosen, setChosen] = useState('');
  const change = useGroupChange(group);
  const ids = members.map((member) => member.id);
  const others = people?.items.filter((person) => !ids.includes(person.id)) ?? [];
  const added = others.find((person) => person.id === chosen)?.id;
  return (
    <div className="people-roles">
      {members.length === 0 && <span className="dim">nobody yet</span>}
      <div className="people-members">
        {members.map((member) => (
          <div className="row" key={member.id}>
            <span title={member.email}>{member.name}</span>
            <Button
              size="slim"
              kind="quiet"
              label={`Take out ${member.name} from ${name}`}
              refusal={refusal}
              onClick={() => change.mutate({ members: ids.filter((one) => one !== member.id) })}
            >
              Take out
            </Button>
          </div>
        ))}
      </div>
      <div className="row">
        <label className="input">
          Person
          <select value={added ?? ''} onChange={(event) => setChosen(event.currentTarget.value)}>
            <option value="">choose</option>
            {others.map((person) => (
              <option key={person.id} value={person.id}>
                {person.name} ({person.email})
              </option>
            ))}
          </select>
        </label>
        <Button
          size="slim"
          label={`Add the person to ${name}`}
          refusal={refusal ?? (added === undefined ? 'Choose a person first.' : undefined)}
          onClick={() => added !== undefined && change.mutate({ members: [...ids, added] })}
        >
          Add
        </Button>
      </div>
      {change.error && <Failure what="The members stay as they were" error={change.error} />}
    </div>
  );
}
