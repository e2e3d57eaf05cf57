'use client';

import './overview.css';
import Link from 'next/link';
import { useMemo } from 'react';
import { useNow } from '../../lib/clock.tsx';
import { useGatewaysInScope } from '../../lib/scope.ts';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { counted } from '../../ui/format.ts';
import { AttentionList } from './attention-list.tsx';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { needsOf, overviewSentence } from '../gateways/need.ts';
import { useStaleFlows } from '../gateways/use-stale-flows.ts';
import { Counters } from './counters.tsx';
import { HeatTiles } from './heat-tiles.tsx';
import { LastActions } from './last-actions.tsx';

/** Which gateway needs me next? The sentence answers; the rest is the proof. */
export function Overview() {
  const { gateways, error, refetch } = useGatewaysInScope();
  const minute = useNow(15_000);
  const stale = useStaleFlows(gateways);
  const asking = usePlanRequest();
  const needs = useMemo(() => (gateways && minute !== undefined ? needsOf(gateways, minute, stale) : undefined), [gateways, minute, stale]);
  if (error && !gateways) return <div className="empty"><Failure what="The fleet could not be read" error={error} stillWorks="Gateways and flushes that run go on." onRetry={() => void refetch()} /></div>;
  if (!gateways || !needs) return <div className="empty"><Skeleton lines={10} /></div>;
  const offline = gateways.filter(({ state }) => state === 'offline').length;
  return <>
    <div className="head"><h1>{overviewSentence(needs, gateways)}</h1>{needs.length > 0 && <span className="dim">{needs.length} of {counted(gateways.length, 'gateway')} {needs.length === 1 ? 'needs' : 'need'} someone</span>}<span className="grow" /><span className="dim">{gateways.length - offline} of {gateways.length} answer{offline > 0 && `, ${offline} offline`}</span></div>
    {gateways.length === 0 ? <Empty action={<Link className="btn" href="/settings">Enrol a gateway</Link>}>Nothing is watched yet. One command on a Linux gateway enrols it, and its table shows here within seconds.</Empty> : <>
      <Counters gateways={gateways} needs={needs} />
      <AttentionList needs={needs} onEnd={(request) => asking.ask(request)} />
      <div className="two"><HeatTiles gateways={gateways} needs={needs} /><LastActions /></div>
    </>}
    <PlanSheet asking={asking} />
  </>;
}
