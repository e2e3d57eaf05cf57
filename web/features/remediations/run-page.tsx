'use client';

import './remediations.css';
import { useQuery } from '@tanstack/react-query';
import type { RemediationRun } from '../../../proto/http/remediations.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { count, lasting } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { ExactFlows } from '../flushes/exact-flows.tsx';
import { cameBackSentence } from '../../../proto/model/wan-event.ts';
import { WanEventById } from '../wan-events/wan-event-by-id.tsx';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { lateWords, RUN_STATES, runSentence } from '../../../client/words/remediation-words.ts';

/** One run: what triggered it, what it found, the outcome of every flow, and when the controller received it. */
export function RunPage({ id }: { id: string }) {
  const refusal = useRefusal('remediations.read');
  const { data: me } = useQuery(queries.me());
  const { data: run, error, refetch } = useQuery({ ...queries.remediationRun(id), enabled: refusal === undefined });
  const planRefusal = useRefusal('plans.write', run?.tenantId ? [run.tenantId] : []);
  const asking = usePlanRequest();
  const gatewayId = run?.gatewayId;
  if (refusal && me)
    return (
      <>
        <div className="head">
          <h1>Run</h1>
        </div>
        <Empty>{refusal}</Empty>
      </>
    );
  if (error && !run)
    return (
      <>
        <div className="head">
          <h1>Run</h1>
        </div>
        <div className="empty">
          <Failure what="This run could not be read" error={error} onRetry={() => void refetch()} />
        </div>
      </>
    );
  if (!run)
    return (
      <div className="empty">
        <h1 className="sr">Run</h1>
        <Skeleton lines={8} />
      </div>
    );
  return (
    <>
      <div className="head">
        <div className="grow">
          <div className="row dim2">
            <Link className="link" href={`/remediations/${run.remediationId}`}>
              {run.remediationName}
            </Link>
            <span className="dim">revision {run.revision}</span>
            <State kind={RUN_STATES[run.state]} isPill>
              {run.state}
            </State>
          </div>
          <h1 aria-live="polite">
            {runSentence(run)}
            {run.gatewayName && ` on ${run.gatewayName}`}
          </h1>
          {run.cameBack && <p aria-live="polite">{cameBackSentence(run.cameBack)}.</p>}
          {run.wanEventId !== undefined && <WanEventById id={run.wanEventId} />}
        </div>
        {run.state === 'suggested' && gatewayId && (
          <Button
            kind="primary"
            refusal={planRefusal}
            onClick={() =>
              asking.ask({
                what: { filter: run.filter },
                scope: { gateways: [gatewayId] },
                expected: run.matched,
                reason: `Suggested by ${run.remediationName}`,
              })
            }
          >
            Plan to end them
          </Button>
        )}
      </div>
      <div className="side2">
        <section className="pad">
          {run.gatewayId ? (
            <>
              <div className="sec-head">
                <h2>Flows</h2>
                <span className="dim">as the gateway reported them, sweep by sweep</span>
              </div>
              <ExactFlows of={{ run: run.id }} nameOf={(one) => (one === run.gatewayId ? run.gatewayName : undefined) ?? one.slice(-6)} />
            </>
          ) : run.flushId ? (
            <>
              <div className="sec-head">
                <h2>Flows</h2>
              </div>
              <p>
                It ran from the controller, as a flush.{' '}
                <Link className="link" href={`/flushes/${run.flushId}`}>
                  Open the flush
                </Link>
              </p>
            </>
          ) : (
            <>
              <div className="sec-head">
                <h2>Flows</h2>
              </div>
              <p className="dim2">It touched none, and ran from the controller; its plan was not kept as a flush.</p>
            </>
          )}
        </section>
        <aside aria-label="About this run">
          <RunFacts run={run} />
        </aside>
      </div>
      <PlanSheet asking={asking} />
    </>
  );
}

function RunFacts({ run }: { run: RemediationRun }) {
  const clock = useClock();
  const late = lateWords(run);
  const took = run.startedAt && run.finishedAt ? (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000 : undefined;
  return (
    <>
      <h2>How it came about</h2>
      <dl className="kv">
        <dt>Trigger</dt>
        <dd>{run.trigger}</dd>
        {run.wan && (
          <>
            <dt>WAN</dt>
            <dd>{run.wan}</dd>
          </>
        )}
        <dt>Triggered</dt>
        <dd>{clock.full(run.triggeredAt)}</dd>
        <dt>Began</dt>
        <dd>
          {run.startedAt ? clock.full(run.startedAt) : <span className="dim">it did not</span>}
          {run.startedAt && `, ${lasting((Date.parse(run.startedAt) - Date.parse(run.triggeredAt)) / 1000)} after`}
        </dd>
        <dt>Ended</dt>
        <dd>
          {run.finishedAt ? clock.full(run.finishedAt) : <span className="dim">not yet</span>}
          {took !== undefined && `, in ${took < 1 ? `${Math.round(took * 1000)} ms` : lasting(took)}`}
        </dd>
        <dt>Reported</dt>
        <dd>{clock.full(run.reportedAt)}</dd>
      </dl>
      {late && <p className="note amber">{late.charAt(0).toUpperCase() + late.slice(1)}.</p>}
      <h2>What it did</h2>
      <dl className="kv">
        <dt>Found</dt>
        <dd>{count(run.matched)}</dd>
        <dt>Ended</dt>
        <dd>{count(run.ended)}</dd>
        <dt>Filter</dt>
        <dd className="mono">{run.filter}</dd>
        <dt>Method</dt>
        <dd>{run.method}</dd>
        {run.reason && (
          <>
            <dt>Why</dt>
            <dd>{run.reason}</dd>
          </>
        )}
        {run.gatewayId && (
          <>
            <dt>Gateway</dt>
            <dd>
              <Link className="link" href={`/gateways/${run.gatewayId}`}>
                {run.gatewayName}
              </Link>
            </dd>
          </>
        )}
        {run.flushId && (
          <>
            <dt>Flush</dt>
            <dd>
              <Link className="link" href={`/flushes/${run.flushId}`}>
                Open the flush
              </Link>
            </dd>
          </>
        )}
      </dl>
    </>
  );
}
