'use client';

import './exact-flows.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { shortAddress } from '../../ui/format.ts';
import { State, type StateKind } from '../../ui/state.tsx';

const OUTCOMES: Record<string, StateKind> = { deleted: 'ok', rebuilt: 'ok', gone: 'waiting', protected: 'protected', reappeared: 'reappeared', failed: 'failed', indeterminate: 'partial' };

/** Every flow of a plan or of an audit entry by its tuples, a hundred at a time, with its outcome once there is one. */
export function ExactFlows({ of, nameOf }: { of: { plan: string } | { audit: string }; nameOf(gatewayId: string): string }) {
  const [cursors, setCursors] = useState<(string | undefined)[]>([undefined]);
  const { data, error, isPlaceholderData, refetch } = useQuery(queries.flowsOf(of, cursors.at(-1)));
  if (error) return <Failure what="The flows could not be read" error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton lines={6} />;
  if (data.items.length === 0) return <p className="dim">No flows.</p>;
  const hasOutcome = data.items.some(({ outcome }) => outcome !== undefined);
  const first = (cursors.length - 1) * 100 + 1;
  return (
    <div className="stack">
      <div className={`exact ${isPlaceholderData ? 'stale' : ''}`} tabIndex={0} role="region" aria-label="Exact flows">
        <table data-density="compact">
          <thead><tr><th className="num">#</th><th>Gateway</th><th>Proto</th><th>Source → Destination</th><th>Reply to</th><th>State</th>{hasOutcome && <th>Outcome</th>}</tr></thead>
          <tbody>{data.items.map((flow, index) => (
            <tr key={`${flow.gatewayId}.${flow.id}.${index}`}>
              <td className="num dim">{first + index}</td><td>{nameOf(flow.gatewayId)}</td><td>{flow.proto}</td>
              <td className="mono">{end(flow.orig.src, flow.orig.sport)} <span className="dim">→</span> {end(flow.orig.dst, flow.orig.dport)}</td>
              <td className="mono">{end(flow.reply.dst, flow.reply.dport)}</td><td className="dim2">{flow.state?.toLowerCase().replaceAll('_', '-') ?? flow.status[0]}</td>
              {hasOutcome && <td>{flow.outcome ? <State kind={OUTCOMES[flow.outcome] ?? 'waiting'} isSmall>{flow.outcome}</State> : <span className="dim">–</span>}</td>}
            </tr>
          ))}</tbody>
        </table>
      </div>
      {(cursors.length > 1 || data.cursor) && <div className="row">
        <Button size="slim" onClick={() => setCursors(cursors.slice(0, -1))} refusal={cursors.length === 1 ? 'This is the first page.' : undefined}>Before</Button>
        <Button size="slim" onClick={() => setCursors([...cursors, data.cursor])} refusal={data.cursor ? undefined : 'This is the last page.'}>Next</Button>
        <span className="dim small">{first} to {first + data.items.length - 1}</span>
      </div>}
    </div>
  );
}

function end(address: string, port: number | undefined): React.ReactNode {
  return <span title={address}>{shortAddress(address)}{port !== undefined && <span className="dim">:{port}</span>}</span>;
}
