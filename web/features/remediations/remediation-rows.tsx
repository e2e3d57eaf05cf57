'use client';

import { useQuery } from '@tanstack/react-query';
import { IconPlayerPlay } from '@tabler/icons-react';
import type { Remediation } from '../../../proto/http/remediations.ts';
import { clockIn } from '../../lib/clock-texts.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useNamesOf } from '../../lib/controller/names.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { count, lasting } from '../../../client/words/format.ts';
import type { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';
import { actingMode, runKind, scopeWords, triggerWords } from '../../../client/words/remediation-words.ts';

interface RowsProps {
  remediations: Remediation[];
  current: number;
  writeRefusal: string | undefined;
  refusalToRun(one: Remediation): string | undefined;
  row: ReturnType<typeof useList>['row'];
  onTurn(one: Remediation): void;
  onRun(one: Remediation): void;
}

/** One line for each: its trigger, where and how it acts, what it did last and when it runs next. */
export function RemediationRows({ remediations, current, row, writeRefusal, refusalToRun, onTurn, onRun }: RowsProps) {
  const clock = useClock();
  const now = useNow(60_000);
  const gatewayName = useNamesOf(remediations.flatMap(({ document }) => document.scope?.gateways ?? []));
  const { data: sites } = useQuery(queries.sites());
  const { data: tenants } = useQuery(queries.tenants());
  const nameOf = (id: string) => [...(sites ?? []), ...(tenants ?? [])].find((one) => one.id === id)?.name ?? gatewayName(id);
  return (
    <div className="pad wide-table">
      <table className="remediations">
        <thead>
          <tr>
            <th>On</th>
            <th>Name</th>
            <th>When</th>
            <th>Where</th>
            <th>Mode</th>
            <th>Last run</th>
            <th className="num" title="In the last 30 days">
              Runs
            </th>
            <th className="num" title="Flows ended in the last 30 days">
              Ended
            </th>
            <th>Next</th>
            <ActionHead />
          </tr>
        </thead>
        <tbody>
          {remediations.map((one, index) => (
            <tr key={one.id} {...row(index)} data-colour={tenants?.find(({ id }) => id === one.tenantId)?.colour ?? 0}>
              <td>
                <input
                  type="checkbox"
                  role="switch"
                  className="switch"
                  checked={one.isEnabled}
                  aria-label={`${one.document.name} is on`}
                  title={writeRefusal}
                  aria-disabled={writeRefusal !== undefined}
                  onChange={() => {
                    if (!writeRefusal) onTurn(one);
                  }}
                />
              </td>
              <td className="fold name">
                <Link href={`/remediations/${one.id}`}>
                  <b>{one.document.name}</b>
                </Link>
              </td>
              <td className="fold dim2">{triggerWords(one.document.trigger)}</td>
              <td className="fold">
                <span className="owner">{scopeWords(one, nameOf)}</span>
              </td>
              <td>
                <State kind={actingMode(one).kind}>
                  <span title={actingMode(one).means}>{actingMode(one).word}</span>
                </State>
              </td>
              <td>
                {one.lastRun ? (
                  <>
                    <State kind={runKind(one.lastRun.state)}>{one.lastRun.state}</State>{' '}
                    <span className="dim">{clock.when(one.lastRun.at, now)}</span>
                  </>
                ) : (
                  <span className="dim">never</span>
                )}
              </td>
              <td className="num">
                {one.runs30Days > 0 ? (
                  <Link
                    className="link"
                    href={`/remediations/runs?remediation=${one.id}`}
                    aria-label={`${one.runs30Days} runs of ${one.document.name}`}
                  >
                    {count(one.runs30Days)}
                  </Link>
                ) : (
                  <span className="dim">0</span>
                )}
              </td>
              <td className={`num ${one.flowsEnded30Days ? '' : 'dim'}`}>{count(one.flowsEnded30Days)}</td>
              <td className="fold dim2">
                <NextRun remediation={one} nowMs={now} />
              </td>
              <td className="num">
                <Button
                  size="slim"
                  icon={IconPlayerPlay}
                  keys={index === current ? 'o' : undefined}
                  refusal={refusalToRun(one)}
                  onClick={() => onRun(one)}
                >
                  {one.document.mode === 'observe' ? 'Count now' : 'Run now'}
                  <span className="sr">: {one.document.name}</span>
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The next time of a schedule on the site's clock, which decides it, and on the reader's. */
function NextRun({
  remediation: {
    nextRunAt,
    isEnabled,
    document: { trigger },
  },
  nowMs,
}: {
  remediation: Remediation;
  nowMs: number | undefined;
}) {
  const clock = useClock();
  if (!isEnabled) return <span className="dim">off</span>;
  if (trigger.kind !== 'schedule' || !nextRunAt)
    return <span className="dim">{trigger.kind === 'manual' || trigger.kind === 'webhook' ? 'when asked' : 'when it happens'}</span>;
  const mine = clock.when(nextRunAt, nowMs);
  const theirs = trigger.timeZone === 'site' ? undefined : clockIn(trigger.timeZone).when(nextRunAt, nowMs);
  return (
    <span title={`${clock.full(nextRunAt)} ${clock.zone}`}>
      {trigger.timeZone === 'site' ? `first ${mine}` : theirs === mine ? mine : `${theirs} there, ${mine} here`}
      {nowMs !== undefined && <span className="dim">, in {lasting((Date.parse(nextRunAt) - nowMs) / 1000)}</span>}
    </span>
  );
}
