'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Enrolment } from '../../../proto/http/rollouts.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKey } from '../../ui/keys.ts';
import { Unreadable } from '../../ui/unreadable.tsx';
import { EnrolmentRow } from './enrolment-row.tsx';
import { inOrder, markOf } from './rollout-form.ts';

/**
 * Who has joined, and who awaits approval, as it happens. `j` and `k` move a mark over those that wait, `a` approves the marked one and `x`
 * refuses it.
 */
export function RolloutProgress({ id, onClose }: { id: string; onClose(): void }) {
  const client = useQueryClient();
  const { data: rollout, error } = useQuery(queries.rollout(id));
  const { data: page, error: listError } = useQuery(queries.enrolments(id));
  const refusal = useRefusal('enrolment.write', rollout ? [rollout.tenantId] : []);
  const [marked, setMarked] = useState<{ id: string; at: number }>();
  const rows = inOrder(page?.items ?? []);
  const waiting = rows.filter(({ state }) => state === 'waiting').map((one) => one.id);
  const mark = markOf(waiting, marked);
  const onSettled = () => client.invalidateQueries({ queryKey: ['enrolments', id] });
  const approve = useMutation({
    mutationFn: ({ id: one, fingerprint }: Enrolment) => call(routes.approveEnrolment, { params: { id: one }, body: { fingerprint } }),
    onSettled,
  });
  const refuse = useMutation({
    mutationFn: ({ id: one }: Enrolment) => call(routes.refuseEnrolment, { params: { id: one } }),
    onSettled,
  });
  const isBusy = approve.isPending || refuse.isPending;
  const decide = (how: typeof approve, row: Enrolment | undefined) => {
    if (!row || refusal !== undefined || isBusy) return;
    setMarked({ id: row.id, at: waiting.indexOf(row.id) });
    how.mutate(row);
  };
  const move = (to: number) => {
    const next = waiting[to];
    if (next !== undefined) setMarked({ id: next, at: to });
  };
  const atMark = () => rows.find((row) => row.id === mark?.id);
  const hasMark = mark !== undefined;
  useKey('j', () => move(mark!.at + 1), hasMark);
  useKey('k', () => move(mark!.at - 1), hasMark);
  useKey('a', () => decide(approve, atMark()), hasMark);
  useKey('x', () => decide(refuse, atMark()), hasMark);
  if (error ?? listError) return <Failure what="The roll-out could not be read" error={(error ?? listError)!} />;
  if (!rollout || !page) return <Skeleton lines={3} />;
  const failure = approve.error ?? refuse.error;
  return (
    <section className="stack" aria-label="Roll-out">
      <div className="row">
        <p aria-live="polite">
          <b>
            {rollout.used} of {rollout.maxGateways}
          </b>{' '}
          joined as {rollout.namePattern}
          {rollout.siteName !== undefined && ` at ${rollout.siteName}`}
          {waiting.length > 0 && `, ${waiting.length} await approval`}
        </p>
        <Button size="slim" kind="quiet" onClick={onClose}>
          Close
        </Button>
      </div>
      {hasMark && (
        <p className="dim small">
          Compare each fingerprint with the one in the gateway’s log. <kbd>j</kbd> and <kbd>k</kbd> move, <kbd>a</kbd> approves,{' '}
          <kbd>x</kbd> refuses.
        </p>
      )}
      {failure && <Failure what="Nothing was decided" error={failure} />}
      <Unreadable entries={page.unreadable} />
      {rows.length === 0 ? (
        <p className="dim">Nobody has asked yet.</p>
      ) : (
        <div className="rollout-list">
          <table>
            <thead>
              <tr>
                <th>Gateway</th>
                <th>Site</th>
                <th>From</th>
                <th>Fingerprint</th>
                <th>State</th>
                <ActionHead />
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <EnrolmentRow
                  key={row.id}
                  row={row}
                  isMarked={row.id === mark?.id}
                  refusal={refusal ?? (isBusy ? 'One decision at a time.' : undefined)}
                  onApprove={() => decide(approve, row)}
                  onRefuse={() => decide(refuse, row)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {page.cursor !== undefined && <p className="dim small">The newest {rows.length} are shown.</p>}
    </section>
  );
}
