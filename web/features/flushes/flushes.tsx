'use client';

import { useQuery } from '@tanstack/react-query';
import { useClock, useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { toListScope, useScope } from '../../lib/scope.ts';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { count, counted } from '../../../client/words/format.ts';
import { useList } from '../../ui/list.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { FLUSHES, flushSentence } from '../../../client/words/flush-words.ts';
import { foldedWords } from '../../../client/words/plan-words.ts';

/** The newest flushes, running ones first. */
export function Flushes() {
  const { ids } = useScope();
  const { data, error, dataUpdatedAt, refetch } = useQuery(queries.flushes({ limit: 100, ...toListScope(ids) }));
  const clock = useClock();
  const now = useNow(60_000);
  const flushes = data?.items.toSorted((a, b) => Number(b.state === 'running') - Number(a.state === 'running'));
  const { row } = useList(flushes?.map(({ id }) => ({ path: `/flushes/${id}` })) ?? []);
  const running = flushes?.filter(({ state }) => state === 'running').length ?? 0;
  return (
    <>
      <div className="head">
        <h1>{flushes ? (running > 0 ? `${counted(running, 'flush', 'flushes')} running` : 'No flush is running') : 'Flushes'}</h1>
        <span className="grow" />
        <Outdated error={data ? error : null} atMs={dataUpdatedAt} />
      </div>
      {error && !data && (
        <div className="empty">
          <Failure what="The flushes could not be read" error={error} stillWorks="Running ones go on." onRetry={() => void refetch()} />
        </div>
      )}
      {!data && !error && (
        <div className="empty">
          <Skeleton lines={8} />
        </div>
      )}
      {flushes?.length === 0 && !data?.unreadable && (
        <Empty
          action={
            <Link className="btn" href="/connections">
              Open Connections
            </Link>
          }
        >
          Nothing has been flushed yet. A flush starts from a plan in Connections.
        </Empty>
      )}
      {data?.unreadable && (
        <div className="pad">
          <Unreadable entries={data.unreadable} />
        </div>
      )}
      {flushes && flushes.length > 0 && (
        <div className="pad">
          <table>
            <thead>
              <tr>
                <th>Started</th>
                <th>State</th>
                <th>Result</th>
                <th>Filter</th>
                <th>Tenant</th>
                <th>By</th>
                <th>Reason</th>
                <th>Ticket</th>
              </tr>
            </thead>
            <tbody>
              {flushes.map((flush, index) => (
                <tr key={flush.id} {...row(index)}>
                  <td className="dim">{clock.when(flush.startedAt, now)}</td>
                  <td>
                    <State kind={FLUSHES[flush.state]}>{flush.state}</State>
                  </td>
                  <td>
                    <Link className="link" href={`/flushes/${flush.id}`}>
                      {flushSentence(flush)}
                    </Link>
                    {flush.totals.reappeared > 0 && <span className="amber">, {count(flush.totals.reappeared)} reappeared</span>}
                  </td>
                  <td className="mono dim2 ellipsis">{flush.isEverything ? 'all' : (foldedWords(flush.filter) ?? flush.filter)}</td>
                  <td>{flush.tenants.map(({ name }) => name).join(', ')}</td>
                  <td>{flush.createdBy}</td>
                  <td className="dim2">{flush.reason.slice(0, 60)}</td>
                  <td className="dim">{flush.ticket ?? '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
