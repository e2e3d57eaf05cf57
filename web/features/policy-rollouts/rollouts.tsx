'use client';

import './rollouts.css';
import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryStates } from 'nuqs';
import { counted } from '../../../client/words/format.ts';
import { isOpen, type RolloutHead } from '../../../client/words/policy-rollout-words.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { toListScope, useScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { useList } from '../../ui/list.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { RolloutList } from './rollout-list.tsx';

const PAGE = 100;

/** Which policies were put in force, where, by whom, and did it hold? Those that are open come first. */
export function PolicyRollouts() {
  const refusal = useRefusal('policies.read');
  const { ids } = useScope();
  const [view, setView] = useQueryStates({ policy: parseAsString, before: parseAsString }, { history: 'push' });
  const asked = {
    limit: PAGE,
    ...toListScope(ids),
    ...(view.policy && { policy: view.policy }),
    ...(view.before && { cursor: view.before }),
  };
  const { data, error, dataUpdatedAt, refetch } = useQuery({ ...queries.policyRollouts(asked), enabled: refusal === undefined });
  const rollouts = openFirst(data?.items ?? []);
  const { row } = useList(rollouts.map(({ id }) => ({ path: `/policy-rollouts/${id}` })));
  return (
    <>
      <div className="head">
        <h1>{data ? headOf(rollouts) : 'Roll-outs'}</h1>
        <span className="grow" />
        <Outdated error={data ? error : null} atMs={dataUpdatedAt} />
        {view.policy && (
          <Button kind="quiet" onClick={() => void setView({ policy: null, before: null })}>
            All policies
          </Button>
        )}
      </div>
      {!data &&
        (refusal && !error ? (
          <Empty>{refusal}</Empty>
        ) : (
          <div className="empty">
            {error ? (
              <Failure what="The roll-outs could not be read" error={error} stillWorks="Open ones go on." onRetry={() => void refetch()} />
            ) : (
              <Skeleton lines={8} />
            )}
          </div>
        ))}
      {data && rollouts.length === 0 && !data.unreadable && (
        <Empty
          action={
            <Link className="btn" href="/policies">
              Open Policies
            </Link>
          }
        >
          Nothing has been rolled out yet. A roll-out starts from the preview of a policy.
        </Empty>
      )}
      <div className="pad">
        <Unreadable entries={data?.unreadable} />
        {rollouts.length > 0 && <RolloutList rollouts={rollouts} row={row} />}
      </div>
      {(data?.cursor || view.before) && (
        <div className="row pad">
          {data?.cursor && <Button onClick={() => void setView({ before: data.cursor! })}>Older</Button>}
          {view.before && (
            <Button kind="quiet" onClick={() => void setView({ before: null })}>
              Newest
            </Button>
          )}
        </div>
      )}
    </>
  );
}

function openFirst(rollouts: readonly RolloutHead[]): RolloutHead[] {
  return rollouts.toSorted((a, b) => Number(isOpen(b)) - Number(isOpen(a)));
}

function headOf(rollouts: readonly RolloutHead[]): string {
  const open = rollouts.filter(isOpen).length;
  return open > 0 ? `${counted(open, 'roll-out')} open` : 'No roll-out is open';
}
