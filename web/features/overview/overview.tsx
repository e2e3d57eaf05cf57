'use client';

import './overview.css';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { FleetFigures } from '../../../proto/model/fleet-figures.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useOverview } from '../../lib/watch.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { endNeeds, endSentence } from '../../../client/words/authority-words.ts';
import { count, counted } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { AttentionList } from './attention-list.tsx';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { GATEWAY_STATES } from '../../../client/words/gateway-words.ts';
import { NoGateway } from '../enrolment/no-gateway.tsx';
import { overviewSentence } from '../gateways/need.ts';
import { useStaleFlows } from '../gateways/use-stale-flows.ts';
import { Counters } from './counters.tsx';
import { figuresWith } from './figures-with.ts';
import { HeatTiles } from './heat-tiles.tsx';
import { LastActions } from './last-actions.tsx';

/** Which gateway needs me next? The sentence answers; the rest is evidence. */
export function Overview() {
  const { data: overview, error, refetch } = useOverview();
  const minute = useNow(15_000);
  const clock = useClock();
  const stale = useStaleFlows(overview?.rows);
  const asking = usePlanRequest();
  const authorityRefusal = useRefusal('authority.read', 'all');
  const { data: authority } = useQuery({ ...queries.authority(), enabled: authorityRefusal === undefined });
  const ends = authority && minute !== undefined ? endNeeds(authority.ends, minute) : [];
  const current = useMemo(
    () => (overview && minute !== undefined ? figuresWith(overview, minute, stale) : undefined),
    [overview, minute, stale],
  );
  if (error && !overview)
    return (
      <div className="empty">
        <Failure
          what="The fleet could not be read"
          error={error}
          stillWorks="Gateways and flushes that run go on."
          onRetry={() => void refetch()}
        />
      </div>
    );
  if (!overview || !current)
    return (
      <div className="empty">
        <Skeleton lines={10} />
      </div>
    );
  const { figures, needs, total } = current;
  const [end] = ends;
  return (
    <>
      <div className="head">
        <h1>
          {end && (end.hasEnded || needs.length === 0)
            ? endSentence(end)
            : overviewSentence(needs, figures, (at) => clock.when(at, minute))}
        </h1>
        {total > 0 && (
          <span className="dim">
            {count(total)} of {counted(figures.gateways, 'gateway')} {total === 1 ? 'needs' : 'need'} someone
          </span>
        )}
        <span className="grow" />
        {overview.isOld && <State kind="warn">As of {clock.seconds(overview.asOf)}; newer is not known</State>}
        <span className="dim">{linkWords(figures)}</span>
      </div>
      {overview.unreadable && (
        <div className="pad">
          <Unreadable entries={overview.unreadable} />
        </div>
      )}
      {figures.gateways === 0 ? (
        <NoGateway />
      ) : (
        <>
          <Counters figures={figures} needs={needs} />
          <AttentionList needs={needs} total={total} ends={ends} onEnd={(request) => asking.ask(request)} />
          <div className="two">
            <HeatTiles overview={overview} needs={needs} />
            <LastActions />
          </div>
        </>
      )}
      <PlanSheet asking={asking} />
    </>
  );
}

/** `18 of 21 answer, 2 offline, 1 set aside`. */
function linkWords({ gateways, states }: FleetFigures): string {
  const others = (['reconnecting', 'offline', 'set-aside', 'never-connected', 'revoked'] as const).flatMap((state) =>
    states[state] > 0 ? [`${count(states[state])} ${GATEWAY_STATES[state].word}`] : [],
  );
  return [`${count(states.online)} of ${count(gateways)} answer`, ...others].join(', ');
}
