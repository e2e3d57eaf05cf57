'use client';

import './flushes.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { IconPlayerStopFilled } from '@tabler/icons-react';
import Link from 'next/link';
import type { Flush } from '../../../proto/http/flushes.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/call.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { counted, lasting, shortHash } from '../../ui/format.ts';
import { useKey } from '../../ui/keys.ts';
import { State } from '../../ui/state.tsx';
import { FlushEvents } from './flush-events.tsx';
import { FlushRows } from './flush-rows.tsx';
import { FlushTotal } from './flush-total.tsx';
import { FLUSHES, flushSentence, troubleSentence } from './flush-words.ts';
import { useFlush } from './use-flush.ts';

/** One flush: what is done, what is in trouble, each gateway's part, and the way to stop what has not begun. */
export function FlushPage({ id }: { id: string }) {
  const { flush, error, refetch, steps } = useFlush(id);
  if (error && !flush) return <div className="empty"><Failure what="This flush could not be read" error={error} stillWorks="A flush runs on without this page." onRetry={() => void refetch()} /></div>;
  if (!flush) return <div className="empty"><Skeleton lines={8} /></div>;
  return <>
    <FlushHead flush={flush} />
    <FlushTotal flush={flush} />
    <div className="side2">
      <section><FlushRows flush={flush} /></section>
      <aside aria-label="About this flush">
        <dl className="kv">
          <dt>Filter</dt><dd className="mono">{flush.isEverything ? 'all' : flush.filter}</dd>
          <dt>Reason</dt><dd>{flush.reason}</dd>
          <dt>Ticket</dt><dd>{flush.ticket ?? <span className="dim">none</span>}</dd>
          <dt>By</dt><dd>{flush.createdBy}</dd>
          <dt>Plan</dt><dd>digest <span className="mono" title={flush.digest}>{shortHash(flush.digest)}</span></dd>
        </dl>
        <Evidence flush={flush} />
        <FlushEvents flush={flush} steps={steps} />
      </aside>
    </div>
  </>;
}

function FlushHead({ flush }: { flush: Flush }) {
  const client = useQueryClient();
  const now = useNow();
  const { data: tenants } = useQuery(queries.tenants());
  const refusal = useRefusal('flushes.cancel', flush.tenants.map(({ id }) => id));
  const stop = useMutation({ mutationFn: () => call(routes.cancelFlush, { params: { id: flush.id } }), onSuccess: (after) => client.setQueryData(queries.flush(flush.id).queryKey, after) });
  const isRunning = flush.state === 'running';
  useKey('c', () => { if (!refusal && isRunning) stop.mutate(); }, isRunning);
  const colour = flush.tenants.length === 1 ? (tenants?.find(({ id }) => id === flush.tenants[0]!.id)?.colour ?? 0) : 0;
  const took = ((flush.finishedAt ? Date.parse(flush.finishedAt) : now ?? 0) - Date.parse(flush.startedAt)) / 1000;
  const trouble = troubleSentence(flush);
  return (
    <div className="head flush-head" data-colour={colour}>
      <div className="grow">
        <div className="row dim2"><span className="owner"><b>{flush.tenants.map(({ name }) => name).join(', ')}</b></span><span className="dim">Flush by {flush.createdBy}</span>{(now !== undefined || flush.finishedAt) && <State kind={FLUSHES[flush.state]} isPill>{flush.state} {isRunning ? `for ${lasting(Math.max(0, took))}` : `in ${lasting(Math.max(0, took))}`}</State>}</div>
        <h1 aria-live="polite">{flushSentence(flush)}</h1>
        <p className="dim2">{trouble ?? (isRunning ? `${counted(flush.targets.filter(({ state }) => ['waiting', 'running', 'verifying'].includes(state)).length, 'gateway')} at work or waiting.` : 'Nothing reappeared, nothing is in doubt.')}</p>
        {stop.error && <p className="red" role="alert">{stop.error.message}</p>}
      </div>
      {isRunning && <div className="num"><Button size="large" kind="danger-line" icon={IconPlayerStopFilled} keys="c" onClick={() => stop.mutate()} refusal={refusal ?? (stop.isPending ? 'It is being stopped.' : undefined)}>Stop flush</Button><p className="dim small">Takes back what has not begun. What is deleted stays deleted.</p></div>}
    </div>
  );
}

/** The audit entries that name every flow with its outcome. */
function Evidence({ flush }: { flush: Flush }) {
  const refusal = useRefusal('audit.read');
  if (refusal) return <p className="dim small">Evidence: {refusal}</p>;
  return <Link className="link" prefetch={false} href={`/audit?flush=${flush.id}`}>Evidence: every flow and its outcome, in the audit</Link>;
}
