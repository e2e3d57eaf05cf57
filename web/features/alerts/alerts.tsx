'use client';

import './alerts.css';
import { useQuery } from '@tanstack/react-query';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { byPlace, openWords } from '../../../client/words/alert-words.ts';
import { lasting } from '../../../client/words/format.ts';
import { useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { toListScope, useScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { AlertRows } from './alert-rows.tsx';

const PAGE = 100;

/** What is wrong now, and what do I do about it? */
export function Alerts() {
  const { ids } = useScope();
  const now = useNow(15_000);
  const [view, setView] = useQueryStates(
    { show: parseAsStringLiteral(['open', 'all']).withDefault('open'), before: parseAsString },
    { history: 'push' },
  );
  const asked = {
    limit: PAGE,
    ...toListScope(ids),
    ...(view.show === 'open' && { state: 'open' as const }),
    ...(view.before && { cursor: view.before }),
  };
  const { data, error, dataUpdatedAt, refetch } = useQuery(queries.alerts(asked));
  const quiet = data?.lastClearedAt !== undefined && now !== undefined ? (now - Date.parse(data.lastClearedAt)) / 1000 : undefined;
  return (
    <>
      <div className="head">
        <h1>{data ? (openWords(data.open) ?? (quiet === undefined ? 'Quiet' : `Quiet for ${lasting(quiet)}`)) : 'Alerts'}</h1>
        <span className="grow" />
        <Outdated error={data ? error : null} atMs={dataUpdatedAt} />
        <Button kind="quiet" onClick={() => void setView({ show: view.show === 'open' ? 'all' : 'open', before: null })}>
          {view.show === 'open' ? 'Show cleared ones too' : 'Show open ones only'}
        </Button>
      </div>
      {!data && (
        <div className="empty">
          {error ? (
            <Failure
              what="The alerts could not be read"
              error={error}
              stillWorks="They are judged and kept all the same."
              onRetry={() => void refetch()}
            />
          ) : (
            <Skeleton lines={8} />
          )}
        </div>
      )}
      {data?.items.length === 0 && !data.unreadable && (
        <Empty>{view.show === 'open' ? 'Nothing is wrong that a rule describes.' : 'No alert has been raised yet.'}</Empty>
      )}
      <div className="pad">
        <Unreadable entries={data?.unreadable} />
        {data && <AlertRows groups={byPlace(data.items)} />}
        {data?.cursor && (
          <Button kind="quiet" onClick={() => void setView({ before: data.cursor ?? null })}>
            Older ones
          </Button>
        )}
      </div>
    </>
  );
}
