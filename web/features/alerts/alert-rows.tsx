'use client';

import type { Alert } from '../../../proto/http/alerts.ts';
import { ALERT_STATE_WORDS, SEVERITY_KINDS, type byPlace } from '../../../client/words/alert-words.ts';
import { counted } from '../../../client/words/format.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';

/** Alerts by place, the worst place first; what is a part of another is counted there. */
export function AlertRows({ groups }: { groups: ReturnType<typeof byPlace> }) {
  const all = groups.flatMap(({ alerts }) => alerts);
  const { row } = useList(all.map(({ id }) => ({ path: `/alerts/${id}` })));
  const places = new Map(all.map(({ id }, index) => [id, index]));
  return groups.map(({ key, place, alerts }) => (
    <section key={key} className="alerts-of-place">
      <div className="sec-head">
        <h2>{place}</h2>
        <span className="dim">{counted(alerts.length, 'alert')}</span>
      </div>
      <div className="wide-table">
        <table className="alerts">
          <thead>
            <tr>
              <th>Severity</th>
              <th>What</th>
              <th>Gateway</th>
              <th>Since</th>
              <th>State</th>
            </tr>
          </thead>
          <tbody>
            {alerts.map((alert) => (
              <tr key={alert.id} {...row(places.get(alert.id)!)}>
                <AlertCells alert={alert} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  ));
}

function AlertCells({ alert }: { alert: Alert }) {
  const clock = useClock();
  const now = useNow(60_000);
  const { kind, word } = ALERT_STATE_WORDS[alert.state];
  const since = alert.raisedAt ?? alert.pendingSince;
  return (
    <>
      <td>
        <State kind={SEVERITY_KINDS[alert.severity]}>{alert.severity}</State>
      </td>
      <td>
        <Link href={`/alerts/${alert.id}`}>
          <b>{alert.title}</b>
        </Link>
        {alert.children > 0 && <span className="dim"> and {counted(alert.children, 'consequence')}</span>}
        {alert.likely !== undefined && <div className="dim2 small">{alert.likely}</div>}
      </td>
      <td>{alert.gatewayName}</td>
      <td className="dim">
        <time dateTime={since}>{clock.when(since, now)}</time>
      </td>
      <td>
        <State kind={kind}>{word}</State>
        {alert.assignedTo && <div className="dim small">{alert.assignedTo.name}</div>}
      </td>
    </>
  );
}
