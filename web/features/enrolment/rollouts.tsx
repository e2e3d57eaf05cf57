'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';

const KINDS = { live: 'running', used: 'ok', expired: 'waiting', revoked: 'never' } as const;

/** Every token for many gateways, and how far each is. */
export function Rollouts({ openId, onOpen }: { openId: string | undefined; onOpen(id: string): void }) {
  const client = useQueryClient();
  const clock = useClock();
  const now = useNow(60_000);
  const readRefusal = useRefusal('enrolment.read');
  const writeRefusal = useRefusal('enrolment.write');
  const { data: page, error } = useQuery({ ...queries.rollouts(), enabled: readRefusal === undefined });
  const revoke = useMutation({
    mutationFn: (id: string) => call(routes.revokeRollout, { params: { id } }),
    onSettled: () => Promise.all(['rollouts', 'rollout', 'enrolments'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  if (error && !page) return <Failure what="The roll-outs could not be read" error={error} />;
  const rollouts = page?.items ?? [];
  if (rollouts.length === 0) return <Unreadable entries={page?.unreadable} />;
  return (
    <>
      <Unreadable entries={page?.unreadable} />
      {revoke.error && <Failure what="The token is as good as before" error={revoke.error} />}
      <table aria-label="Roll-outs">
        <thead>
          <tr>
            <th>Names</th>
            <th>Site</th>
            <th>Joined</th>
            <th>Token</th>
            <th>Expires</th>
            <th>By</th>
            <ActionHead />
          </tr>
        </thead>
        <tbody>
          {rollouts.slice(0, 12).map(({ id, namePattern, siteName, used, maxGateways, waiting, state, expiresAt, createdBy }) => (
            <tr key={id}>
              <td>{namePattern}</td>
              <td className="dim">{siteName ?? 'each names its own'}</td>
              <td>
                {used} of {maxGateways}
                {waiting > 0 && <span className="amber"> {waiting} waiting</span>}
              </td>
              <td>
                <State kind={KINDS[state]} isSmall>
                  {state}
                </State>
              </td>
              <td className="dim">{clock.when(expiresAt, now)}</td>
              <td className="dim">{createdBy}</td>
              <td className="num">
                {id !== openId && (
                  <Button size="slim" label={`Show ${namePattern}`} onClick={() => onOpen(id)}>
                    Show
                  </Button>
                )}{' '}
                {state === 'live' && (
                  <Button size="slim" label={`Take back ${namePattern}`} refusal={writeRefusal} onClick={() => revoke.mutate(id)}>
                    Take back
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
