'use client';

import './alerts.css';
import { useQuery } from '@tanstack/react-query';
import type { Alert } from '../../../proto/http/alerts.ts';
import { ControllerError } from '../../../client/problem.ts';
import { ALERT_STATE_WORDS, isOpenAlert, SEVERITY_KINDS, transitionWords } from '../../../client/words/alert-words.ts';
import { count } from '../../../client/words/format.ts';
import { wanEventSentence } from '../../../proto/model/wan-event.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKey } from '../../ui/keys.ts';
import { State } from '../../ui/state.tsx';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { AlertActions } from './alert-actions.tsx';
import { AlertDeliveries } from './alert-deliveries.tsx';
import { AlertEvidence } from './alert-evidence.tsx';
import { AlertRows } from './alert-rows.tsx';

/** One alert: what, why, since when, the evidence, and what helps. */
export function AlertPage({ id }: { id: string }) {
  const { data: alert, error, refetch } = useQuery(queries.alert(id));
  const wanEventId = alert?.wanEventId;
  const { data: event } = useQuery({ ...queries.wanEvent(wanEventId ?? ''), enabled: wanEventId !== undefined });
  const clock = useClock();
  const now = useNow(60_000);
  if (error && !alert)
    return error instanceof ControllerError && error.code === 'NOT_FOUND' ? (
      <Gone />
    ) : (
      <div className="empty">
        <Failure what="This alert could not be read" error={error} onRetry={() => void refetch()} />
      </div>
    );
  if (!alert)
    return (
      <div className="empty">
        <Skeleton lines={10} />
      </div>
    );
  const { kind, word } = ALERT_STATE_WORDS[alert.state];
  return (
    <>
      <div className="head">
        <h1>{event ? wanEventSentence(event, (at) => clock.when(at, now)) : alert.title}</h1>
      </div>
      <div className="pad stack alert-page">
        <div className="row">
          <State kind={SEVERITY_KINDS[alert.severity]}>{alert.severity}</State>
          <State kind={kind}>{word}</State>
          <span className="dim">
            since {clock.when(alert.raisedAt ?? alert.pendingSince, now)}, rule {alert.rule}
          </span>
          {alert.gatewayId !== undefined && (
            <Link className="link" href={`/gateways/${alert.gatewayId}`}>
              {alert.gatewayName}
            </Link>
          )}
          {alert.parentId !== undefined && (
            <Link className="link" href={`/alerts/${alert.parentId}`}>
              A consequence of another alert
            </Link>
          )}
        </div>
        {alert.likely !== undefined && <p className="alert-likely">{alert.likely}</p>}
        {isOpenAlert(alert) && <Fix alert={alert} />}
        {isOpenAlert(alert) && <AlertActions alert={alert} />}
        <AlertEvidence alert={alert} />
        {alert.childAlerts.length > 0 && (
          <AlertRows groups={[{ key: 'children', place: 'What it brought with it', alerts: alert.childAlerts }]} />
        )}
        <AlertDeliveries alertId={alert.id} />
        <section>
          <div className="sec-head">
            <h2>What happened</h2>
          </div>
          <ul className="acts alert-acts">
            {alert.transitions.map((transition) => (
              <li key={transition.id}>
                <time dateTime={transition.at}>{clock.when(transition.at, now)}</time>
                <span>{transitionWords(transition)}</span>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}

/** The button that helps, with how many flows there are now. */
function Fix({ alert: { fix, tenantId, title } }: { alert: Alert }) {
  const asking = usePlanRequest();
  const refusal = useRefusal('plans.write', tenantId === undefined ? [] : [tenantId]);
  const readRefusal = useRefusal('flows.read');
  const flush = fix?.kind === 'flush' ? fix : undefined;
  const scope = { gateways: flush?.gatewayIds ?? [] };
  const { data } = useQuery({
    ...queries.flowSummary(flush?.filter ?? '', scope),
    enabled: flush !== undefined && readRefusal === undefined,
  });
  const flows = data?.total;
  const press = (): void => {
    if (flush && !refusal) asking.ask({ what: { filter: flush.filter }, scope, expected: flows, reason: title });
  };
  useKey('d', press);
  if (!fix) return null;
  if (fix.kind === 'page')
    return (
      <div>
        <Link className="btn" href={fix.path}>
          {fix.words}
        </Link>
      </div>
    );
  return (
    <div>
      <Button kind="danger-line" keys="d" refusal={refusal ?? (flows === 0 ? 'No flow matches now.' : undefined)} onClick={press}>
        {fix.words}
        {flows !== undefined && ` (${count(flows)} now)`}
      </Button>
      <PlanSheet asking={asking} />
    </div>
  );
}

function Gone() {
  return (
    <>
      <div className="head">
        <h1>Alert</h1>
      </div>
      <Empty
        action={
          <Link className="btn" href="/alerts">
            Open Alerts
          </Link>
        }
      >
        No alert has this id, or it is past the time for which it is kept, or you may not see it.
      </Empty>
    </>
  );
}
