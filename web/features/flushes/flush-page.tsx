'use client';

import './flushes.css';
import { useQuery } from '@tanstack/react-query';
import type { Flush } from '../../../proto/http/flushes.ts';
import { useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { counted, lasting, shortHash, took } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { approvalWords } from '../../../client/words/plan-words.ts';
import { FlushActions } from './flush-actions.tsx';
import { FlushEvents } from './flush-events.tsx';
import { FlushEvidence } from './flush-evidence.tsx';
import { FilterText } from './filter-text.tsx';
import { FlushRows } from './flush-rows.tsx';
import { FlushTotal } from './flush-total.tsx';
import { blockedSentence, FLUSHES, flushSentence, troubleSentence } from '../../../client/words/flush-words.ts';
import { cameBackSentence } from '../../../proto/model/wan-event.ts';
import { WanEventById } from '../wan-events/wan-event-by-id.tsx';
import { PlanSheet } from './plan-sheet.tsx';
import { StandingBlocks } from './standing-blocks.tsx';
import { useFlush } from './use-flush.ts';
import { usePlanRequest, type PlanAsking } from './use-plan-request.ts';

/** One flush: what is done, what is failing, each gateway's part, the evidence, and the available actions. */
export function FlushPage({ id }: { id: string }) {
  const { flush, error, refetch, steps } = useFlush(id);
  const asking = usePlanRequest();
  if (error && !flush)
    return (
      <div className="empty">
        <Failure
          what="This flush could not be read"
          error={error}
          stillWorks="A flush runs on without this page."
          onRetry={() => void refetch()}
        />
      </div>
    );
  if (!flush)
    return (
      <div className="empty">
        <Skeleton lines={8} />
      </div>
    );
  return (
    <>
      <FlushHead flush={flush} asking={asking} />
      <FlushTotal flush={flush} />
      <div className="side2">
        <section>
          {flush.method === 'block' && (
            <div className="pad">
              <StandingBlocks asked={{ flush: flush.id }} />
            </div>
          )}
          <FlushRows flush={flush} />
          <FlushEvidence flush={flush} />
        </section>
        <aside aria-label="About this flush">
          <dl className="kv">
            <dt>Method</dt>
            <dd>{flush.kind === 'undo' ? 'undo: puts back what was deleted' : flush.method}</dd>
            <dt>Filter</dt>
            <dd>
              <FilterText filter={flush.filter} isEverything={flush.isEverything} />
            </dd>
            <dt>Reason</dt>
            <dd>{flush.reason}</dd>
            <dt>Ticket</dt>
            <dd>{flush.ticket ?? <span className="dim">none</span>}</dd>
            <dt>By</dt>
            <dd>{flush.createdBy}</dd>
            {flush.approval && (
              <>
                <dt>Second person</dt>
                <dd>
                  {approvalWords(flush.approval)}
                  {flush.approval.passkey !== undefined && <span className="dim"> ({flush.approval.passkey})</span>}
                </dd>
              </>
            )}
            <dt>Plan</dt>
            <dd>
              digest{' '}
              <span className="mono" title={flush.digest}>
                {shortHash(flush.digest)}
              </span>
            </dd>
          </dl>
          <FlushEvents flush={flush} steps={steps} />
        </aside>
      </div>
      <PlanSheet asking={asking} />
    </>
  );
}

function FlushHead({ flush, asking }: { flush: Flush; asking: PlanAsking }) {
  const now = useNow();
  const { data: tenants } = useQuery(queries.tenants());
  const isRunning = flush.state === 'running';
  const colour = flush.tenants.length === 1 ? (tenants?.find(({ id }) => id === flush.tenants[0]!.id)?.colour ?? 0) : 0;
  const seconds = ((flush.finishedAt ? Date.parse(flush.finishedAt) : (now ?? 0)) - Date.parse(flush.startedAt)) / 1000;
  const trouble = troubleSentence(flush);
  return (
    <div className="head flush-head" data-colour={colour}>
      <div className="grow">
        <div className="row dim2">
          <span className="owner">
            <b>{flush.tenants.map(({ name }) => name).join(', ')}</b>
          </span>
          <span className="dim">
            {flush.kind === 'undo' ? 'Undo' : 'Flush'} by {flush.createdBy}
          </span>
          {(now !== undefined || flush.finishedAt) && (
            <State kind={FLUSHES[flush.state]} isPill>
              {flush.state} {isRunning ? `for ${lasting(seconds)}` : `in ${took(seconds)}`}
            </State>
          )}
          {flush.waves > 1 && (
            <span className="pill">
              wave {flush.wave} of {flush.waves}
            </span>
          )}
        </div>
        <h1 aria-live="polite">{flushSentence(flush)}</h1>
        <p className="dim2">
          {trouble ??
            (isRunning
              ? `${counted(flush.targets.filter(({ state }) => ['waiting', 'running', 'verifying'].includes(state)).length, 'gateway')} at work or waiting.`
              : (blockedSentence(flush) ?? 'Nothing reappeared, nothing is in doubt.'))}
        </p>
        {flush.cameBack && <p aria-live="polite">{cameBackSentence(flush.cameBack)}.</p>}
        {flush.wanEventIds?.map((eventId) => (
          <WanEventById key={eventId} id={eventId} />
        ))}
      </div>
      <FlushActions flush={flush} asking={asking} />
    </div>
  );
}
