'use client';

import './remediations.css';
import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryStates } from 'nuqs';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { toListScope, useScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKept } from '../../ui/kept.ts';
import { useList } from '../../ui/list.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { RunList, runPath } from './run-list.tsx';
import { RunStrip } from './run-strip.tsx';

/** All runs, or those of the remediation or gateway in the URL. */
export function Runs() {
  const refusal = useRefusal('remediations.read');
  const { ids } = useScope();
  const [view, setView] = useQueryStates({ remediation: parseAsString, before: parseAsString }, { history: 'push' });
  const { data: remediations } = useQuery({ ...queries.remediations(), enabled: refusal === undefined });
  const { data: gateway } = useQuery({ ...queries.gateway(ids.gateway ?? ''), enabled: Boolean(ids.gateway) });
  const {
    data: newest,
    error,
    dataUpdatedAt,
    refetch,
  } = useQuery({
    ...queries.remediationRuns({
      limit: 100,
      ...(view.remediation && { remediation: view.remediation }),
      ...toListScope(ids),
      ...(view.before && { cursor: view.before }),
    }),
    enabled: refusal === undefined,
  });
  const data = useKept(newest);
  const { row } = useList(data?.items.map((run) => ({ path: runPath(run) })) ?? []);
  const about =
    remediations?.items.find(({ id }) => id === view.remediation)?.document.name ??
    (view.remediation ? data?.items[0]?.remediationName : undefined);
  const where = gateway?.name;
  const head = (
    <div className="head">
      <h1>
        Runs{about && ` of ${about}`}
        {where && ` on ${where}`}
      </h1>
      <span className="grow" />
      <Outdated error={data ? error : null} atMs={dataUpdatedAt || undefined} />
      {view.remediation && (
        <Link className="btn" href={`/remediations/${view.remediation}`}>
          Open the remediation
        </Link>
      )}
      {view.remediation && (
        <Button kind="quiet" onClick={() => void setView({ remediation: null, before: null })}>
          All remediations
        </Button>
      )}
    </div>
  );
  if (refusal)
    return (
      <>
        {head}
        <Empty>{refusal}</Empty>
      </>
    );
  if (error && !data)
    return (
      <>
        {head}
        <div className="empty">
          <Failure
            what="The runs could not be read"
            error={error}
            stillWorks="Gateways go on, and report what they did."
            onRetry={() => void refetch()}
          />
        </div>
      </>
    );
  if (!data)
    return (
      <>
        {head}
        <div className="empty">
          <Skeleton lines={8} />
        </div>
      </>
    );
  if (data.items.length === 0 && !data.unreadable)
    return (
      <>
        {head}
        <Empty
          action={
            <Link className="btn" href="/remediations">
              Open Remediations
            </Link>
          }
        >
          It has not run: its trigger has not come since it was made.
        </Empty>
      </>
    );
  return (
    <>
      {head}
      <RunStrip runs={data.items} />
      <section className="pad" aria-label="Runs">
        <RunList runs={data.items} row={row} unreadable={data.unreadable} />
      </section>
      {(data.cursor || view.before) && (
        <div className="row pad">
          {data.cursor && <Button onClick={() => void setView({ before: data.cursor! })}>Older</Button>}
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
