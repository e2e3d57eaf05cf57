'use client';

import type { Flush } from '../../../proto/http/flushes.ts';
import { useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { Bar, type BarTone } from '../../ui/bar.tsx';
import { count, counted, lasting, took } from '../../../client/words/format.ts';
import { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';
import { doneOf, inOrder, TARGETS, targetWord, type Target } from '../../../client/words/flush-words.ts';

const TONES: Record<Target['state'], BarTone> = {
  failed: 'red',
  offline: 'hatch',
  expired: 'hatch',
  indeterminate: 'amber',
  partial: 'amber',
  reappeared: 'amber',
  running: 'blue',
  verifying: 'blue',
  waiting: '',
  skipped: '',
  cancelled: '',
  verified: 'green',
};

/** Each gateway's part: failing first, then running, waiting, verified. */
export function FlushRows({ flush }: { flush: Flush }) {
  const now = useNow();
  const targets = inOrder(flush.targets);
  const { row } = useList(targets.map(({ gatewayId }) => ({ path: `/gateways/${gatewayId}` })));
  return (
    <>
      <div className="sec-head pad">
        <h2>{counted(flush.targets.length, 'gateway')}</h2>
        <span className="dim">trouble first, then running, waiting, verified</span>
        <span className="grow" />
        <span className="dim">Runs on without this tab</span>
      </div>
      <div className="wide-table">
        <table className="runs">
          <thead>
            <tr>
              <th>Gateway</th>
              <th>State</th>
              {flush.waves > 1 && <th className="num">Wave</th>}
              <th>Progress</th>
              <th className="num">{flush.kind === 'undo' ? 'Put back' : 'Ended'}</th>
              <th className="num">of</th>
              <th className="num">Gone</th>
              <th className="num">Reapp.</th>
              <th className="num">Indet.</th>
              <th className="num">Time</th>
              <th>What happens</th>
            </tr>
          </thead>
          <tbody>
            {targets.map((target, index) => {
              const [{ kind }, tone] = [TARGETS[target.state], TONES[target.state]];
              const { planned, gone, reappeared, indeterminate } = target.totals;
              const done = doneOf(target.totals);
              return (
                <tr key={target.gatewayId} {...row(index)}>
                  <td>
                    <Link href={`/gateways/${target.gatewayId}`}>
                      <b>{target.gatewayName}</b>
                    </Link>
                  </td>
                  <td>
                    <State kind={kind}>{targetWord(target)}</State>
                  </td>
                  {flush.waves > 1 && <td className="num dim2">{target.wave}</td>}
                  <td>
                    <Bar
                      width={80}
                      tone={tone}
                      share={tone === 'hatch' ? 1 : planned === 0 ? 1 : Math.max(target.done, done + gone) / planned}
                    />
                  </td>
                  <Count value={done} />
                  <td className="num dim2">{count(planned)}</td>
                  <Count value={gone} isStrong />
                  <Count value={reappeared} isStrong />
                  <Count value={indeterminate} isStrong />
                  <td className="num dim">{timeOf(target, now)}</td>
                  <td className="fold dim2">{whatHappens(target)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Count({ value, isStrong }: { value: number; isStrong?: boolean }) {
  return <td className={`num ${value === 0 ? 'dim' : isStrong ? 'strong' : ''}`}>{count(value)}</td>;
}

function timeOf({ startedAt, finishedAt }: Target, now: number | undefined): string {
  if (startedAt === undefined) return '';
  if (finishedAt !== undefined) return took((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
  return now === undefined ? '' : lasting((now - Date.parse(startedAt)) / 1000);
}

function whatHappens({ reason, totals, blocked, tableBefore, tableAfter }: Target): string {
  const parts = [
    reason,
    blocked?.words,
    totals.occupied > 0 && `${count(totals.occupied)} recreated by traffic`,
    totals.cancelled > 0 && `${count(totals.cancelled)} left alone`,
    totals.failed > 0 && `${count(totals.failed)} failed`,
    totals.rebuilt > 0 && `${count(totals.rebuilt)} came back by another way, as wanted`,
    tableBefore !== undefined && tableAfter !== undefined && `table ${count(tableBefore)} → ${count(tableAfter)}`,
  ];
  return parts.filter(Boolean).join('; ');
}
