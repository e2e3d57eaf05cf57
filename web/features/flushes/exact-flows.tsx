'use client';

import './exact-flows.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useClock } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { shortAddress } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import type { StateKind } from '../../../client/words/state-kind.ts';
import { Unreadable } from '../../ui/unreadable.tsx';
import { droppedWords } from '../../../client/words/flush-words.ts';

const OUTCOMES: Record<string, StateKind> = {
  deleted: 'ok',
  rebuilt: 'ok',
  reset: 'ok',
  blocked: 'ok',
  expiring: 'waiting',
  restored: 'ok',
  occupied: 'partial',
  gone: 'waiting',
  cancelled: 'never',
  protected: 'protected',
  reappeared: 'reappeared',
  failed: 'failed',
  indeterminate: 'partial',
};
interface Page {
  cursor?: string;
  first: number;
}

/** Every flow of a plan, an audit entry or a run with its tuples, page by page, with its outcome once there is one. */
export function ExactFlows({ of, nameOf }: { of: queries.FlowsOf; nameOf(gatewayId: string): string }) {
  const [pages, setPages] = useState<Page[]>([{ first: 1 }]);
  const { cursor, first } = pages.at(-1)!;
  const clock = useClock();
  const { data, error, isPlaceholderData, refetch } = useQuery(queries.flowsOf(of, cursor));
  if (error) return <Failure what="The flows could not be read" error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton lines={6} />;
  if (data.droppedAt !== undefined) return <p className="dim2">{droppedWords(clock.full(data.droppedAt))}</p>;
  if (data.items.length === 0 && !data.unreadable) return <p className="dim">No flows.</p>;
  const hasOutcome = data.items.some(({ outcome }) => outcome !== undefined);
  const hasSweep = data.items.some(({ sweep }) => sweep !== undefined);
  return (
    <div className="stack">
      <Unreadable entries={data.unreadable} />
      <div className={`exact ${isPlaceholderData ? 'stale' : ''}`} tabIndex={0} role="region" aria-label="Exact flows">
        <table data-density="compact">
          <thead>
            <tr>
              <th className="num">#</th>
              {hasSweep && <th className="num">Sweep</th>}
              {hasOutcome && <th>Outcome</th>}
              <th>Gateway</th>
              <th>Proto</th>
              <th>Source → Destination</th>
              <th>Reply to</th>
              <th>State</th>
            </tr>
          </thead>
          <tbody>
            {data.items.map((flow, index) => (
              <tr key={`${flow.gatewayId}.${flow.id}.${index}`}>
                <td className="num dim">{first + index}</td>
                {hasSweep && <td className="num dim2">{flow.sweep}</td>}
                {hasOutcome && (
                  <td>
                    {flow.outcome ? (
                      <State kind={OUTCOMES[flow.outcome] ?? 'waiting'} isSmall>
                        {flow.outcome}
                      </State>
                    ) : (
                      <span className="dim">–</span>
                    )}
                  </td>
                )}
                <td>{nameOf(flow.gatewayId)}</td>
                <td>{flow.proto}</td>
                <td className="mono">
                  {end(flow.orig.src, flow.orig.sport)} <span className="dim">→</span> {end(flow.orig.dst, flow.orig.dport)}
                </td>
                <td className="mono">{end(flow.reply.dst, flow.reply.dport)}</td>
                <td className="dim2">{flow.state?.toLowerCase().replaceAll('_', '-') ?? flow.status[0]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {(pages.length > 1 || data.cursor) && (
        <div className="row">
          <Button
            size="slim"
            onClick={() => setPages(pages.slice(0, -1))}
            refusal={pages.length === 1 ? 'This is the first page.' : undefined}
          >
            Before
          </Button>
          <Button
            size="slim"
            onClick={() => setPages([...pages, { cursor: data.cursor, first: first + data.items.length }])}
            refusal={data.cursor ? undefined : 'This is the last page.'}
          >
            Next
          </Button>
          <span className="dim small">
            {first} to {first + data.items.length - 1}
          </span>
        </div>
      )}
    </div>
  );
}

function end(address: string, port: number | undefined): React.ReactNode {
  return (
    <span title={address}>
      {shortAddress(address)}
      {port !== undefined && <span className="dim">:{port}</span>}
    </span>
  );
}
