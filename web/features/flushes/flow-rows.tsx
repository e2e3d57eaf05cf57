'use client';

import './exact-flows.css';
import { shortAddress } from '../../../client/words/format.ts';
import type { StateKind } from '../../../client/words/state-kind.ts';
import type { FlowsPage } from '../../lib/controller/queries.ts';
import { State } from '../../ui/state.tsx';

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

interface FlowRowsProps {
  flows: FlowsPage['items'];
  /** The number of the first row. */
  first?: number;
  isStale?: boolean;
  nameOf(gatewayId: string): string;
}

/** Exact flows with their tuples, one a row, with outcome and sweep where there are any. */
export function FlowRows({ flows, first = 1, isStale = false, nameOf }: FlowRowsProps) {
  const hasOutcome = flows.some(({ outcome }) => outcome !== undefined);
  const hasSweep = flows.some(({ sweep }) => sweep !== undefined);
  return (
    <div className={`exact ${isStale ? 'stale' : ''}`} tabIndex={0} role="region" aria-label="Exact flows">
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
          {flows.map((flow, index) => (
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
