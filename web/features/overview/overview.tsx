'use client';

import './overview.css';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGatewaysInScope } from '../../lib/scope.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { endNeeds, endSentence } from '../../../client/words/authority-words.ts';
import { count, counted } from '../../../client/words/format.ts';
import { Unreadable } from '../../ui/unreadable.tsx';
import { AttentionList } from './attention-list.tsx';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { GATEWAY_STATES } from '../../../client/words/gateway-words.ts';
import { NoGateway } from '../enrolment/no-gateway.tsx';
import { needsOf, overviewSentence } from '../gateways/need.ts';
import { useStaleFlows } from '../gateways/use-stale-flows.ts';
import { Counters } from './counters.tsx';
import { HeatTiles } from './heat-tiles.tsx';
import { LastActions } from './last-actions.tsx';

/** Which gateway needs me next? The sentence answers; the rest is evidence. */
export function Overview() {
  const { gateways, error, refetch } = useGatewaysInScope();
  const { data: unreadable } = useQuery(queries.unreadableGateways());
  const minute = useNow(15_000);
  const stale = useStaleFlows(gateways);
  const asking = usePlanRequest();
  const authorityRefusal = useRefusal('authority.read', 'all');
  const { data: authority } = useQuery({ ...queries.authority(), enabled: authorityRefusal === undefined });
  const ends = authority && minute !== undefined ? endNeeds(authority.ends, minute) : [];
  const needs = useMemo(() => (gateways && minute !== undefined ? needsOf(gateways, minute, stale) : undefined), [gateways, minute, stale]);
  if (error && !gateways)
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
  if (!gateways || !needs)
    return (
      <div className="empty">
        <Skeleton lines={10} />
      </div>
    );
  const standing = linkWords(gateways);
  const [end] = ends;
  return (
    <>
      <div className="head">
        <h1>{end && (end.hasEnded || needs.length === 0) ? endSentence(end) : overviewSentence(needs, gateways)}</h1>
        {needs.length > 0 && (
          <span className="dim">
            {needs.length} of {counted(gateways.length, 'gateway')} {needs.length === 1 ? 'needs' : 'need'} someone
          </span>
        )}
        <span className="grow" />
        <span className="dim">{standing}</span>
      </div>
      {unreadable && (
        <div className="pad">
          <Unreadable entries={unreadable} />
        </div>
      )}
      {gateways.length === 0 ? (
        <NoGateway />
      ) : (
        <>
          <Counters gateways={gateways} needs={needs} />
          <AttentionList needs={needs} ends={ends} onEnd={(request) => asking.ask(request)} />
          <div className="two">
            <HeatTiles gateways={gateways} needs={needs} />
            <LastActions />
          </div>
        </>
      )}
      <PlanSheet asking={asking} />
    </>
  );
}

/** `18 of 21 answer, 2 offline, 1 set aside`. */
function linkWords(gateways: Gateway[]): string {
  const others = (['reconnecting', 'offline', 'set-aside', 'never-connected', 'revoked'] as const).flatMap((state) => {
    const many = gateways.filter((gateway) => gateway.state === state).length;
    return many > 0 ? [`${count(many)} ${GATEWAY_STATES[state].word}`] : [];
  });
  return [`${count(gateways.filter(({ state }) => state === 'online').length)} of ${count(gateways.length)} answer`, ...others].join(', ');
}
