'use client';

import './gateways.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { IconArrowsLeftRight } from '@tabler/icons-react';
import { parseAsStringLiteral, useQueryState } from 'nuqs';
import { useMemo } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { wanEventSentence } from '../../../proto/model/wan-event.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { useGateway } from '../../lib/watch.ts';
import { useScope } from '../../lib/scope.ts';
import { connectionsPath, toPlace } from '../../lib/scoped-path.ts';
import { Button, Segments } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { ControllerError } from '../../../client/problem.ts';
import { count, counted, lasting } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { useKept } from '../../ui/kept.ts';
import { State } from '../../ui/state.tsx';
import { PlanSheet } from '../flushes/plan-sheet.tsx';
import type { PlanRequest } from '../../../client/words/plan-words.ts';
import { StandingBlocks } from '../flushes/standing-blocks.tsx';
import { usePlanRequest } from '../flushes/use-plan-request.ts';
import { RecentRuns } from '../remediations/recent-runs.tsx';
import { WanEventsOf } from '../wan-events/wan-events-of.tsx';
import { TrackingView } from '../tracking/tracking-view.tsx';
import { judge } from './judgement.ts';
import { endRequest, type Stale } from './need.ts';
import { useStaleFlows } from './use-stale-flows.ts';
import { Breakdown } from './breakdown.tsx';
import { GATEWAY_STATES } from '../../../client/words/gateway-words.ts';
import { Capabilities, CpuTable, RecentFlushes, TopSources, Translations, WanTable } from './gateway-facts.tsx';
import { GuardFacts } from './guard-facts.tsx';
import { EnrolAgain } from '../enrolment/enrol-again.tsx';
import { SetAside } from './set-aside.tsx';
import { UsageChart } from './usage-chart.tsx';
import { useChartMarks } from './use-chart-marks.ts';

const SPANS = { '1h': 3_600_000, '6h': 21_600_000, '24h': 86_400_000, '7d': 604_800_000 } as const;
type Span = keyof typeof SPANS;

/** Is this gateway healthy, and if not, why? */
export function GatewayPage({ id }: { id: string }) {
  const { data: gateway, error, refetch } = useGateway(id);
  useNeighbourKeys(id);
  const [span, setSpan] = useQueryState('span', parseAsStringLiteral(['1h', '6h', '24h', '7d'] as const).withDefault('1h'));
  if (error && !gateway && !isNotFound(error))
    return (
      <div className="empty">
        <Failure what="This gateway could not be read" error={error} onRetry={() => void refetch()} />
      </div>
    );
  if (!gateway && !error)
    return (
      <div className="empty">
        <Skeleton lines={10} />
      </div>
    );
  if (!gateway)
    return (
      <>
        <div className="head">
          <h1>Gateway</h1>
        </div>
        <Empty
          action={
            <Link className="btn" href="/sites">
              Open Sites
            </Link>
          }
        >
          No gateway has this id, or you may not see it.
        </Empty>
      </>
    );
  return <GatewayBody gateway={gateway} span={span} onSpan={(next) => void setSpan(next)} />;
}

function GatewayBody({ gateway, span, onSpan }: { gateway: Gateway; span: Span; onSpan(span: Span): void }) {
  const self = useMemo(() => [gateway], [gateway]);
  const stale = useStaleFlows(self).get(gateway.id);
  const asking = usePlanRequest();
  const [view, setView] = useQueryState('view', parseAsStringLiteral(['overview', 'tracking'] as const).withDefault('overview'));
  useKey('v', () => void setView(view === 'overview' ? 'tracking' : 'overview'));
  return (
    <>
      <GatewayHead gateway={gateway} stale={stale} onEnd={asking.ask} />
      <div className="row gateway-views">
        <Segments
          label="View"
          value={view}
          onChange={(next) => void setView(next)}
          options={[
            { value: 'overview', text: 'Overview' },
            { value: 'tracking', text: 'Tracking' },
          ]}
        />
        <kbd aria-hidden>v</kbd>
      </div>
      {gateway.state === 'set-aside' && <SetAside gateway={gateway} />}
      {(gateway.state === 'offline' || gateway.state === 'revoked') && <EnrolAgain gateway={gateway} />}
      {view === 'tracking' ? (
        <TrackingView key={gateway.id} gatewayId={gateway.id} tenantId={gateway.tenantId} />
      ) : (
        <GatewayOverview gateway={gateway} stale={stale} span={span} onSpan={onSpan} />
      )}
      <PlanSheet asking={asking} />
    </>
  );
}

/** `[` and `]` go to the gateways before and after this one, also while it is still being read: who steps through a list does not wait. */
function useNeighbourKeys(id: string): void {
  const go = useGo();
  const client = useQueryClient();
  const { ids } = useScope();
  const step = async (way: 'previous' | 'next') => {
    const near = await client.ensureQueryData(queries.neighbours(id, toPlace(ids))).catch(() => undefined);
    if (near) go(`/gateways/${near[way].id}`);
  };
  useKey('[', () => void step('previous'));
  useKey(']', () => void step('next'));
}

/** Whether there is none of this id, or none that may be seen. */
function isNotFound(error: Error): boolean {
  return error instanceof ControllerError && error.code === 'NOT_FOUND';
}

interface OverviewProps {
  gateway: Gateway;
  stale: Stale | undefined;
  span: Span;
  onSpan(span: Span): void;
}

function GatewayOverview({ gateway, stale, span, onSpan }: OverviewProps) {
  return (
    <>
      <GatewayCharts gateway={gateway} span={span} onSpan={onSpan} />
      <div className="lower">
        <section>
          <StandingBlocks asked={{ gateway: gateway.id }} />
          <WanEventsOf gatewayId={gateway.id} />
          <WanTable gateway={gateway} stale={stale?.flows} />
          <RecentFlushes gateway={gateway} />
          <RecentRuns gateway={gateway} />
        </section>
        <section>
          <CpuTable gateway={gateway} />
          <GuardFacts gateway={gateway} />
          <Capabilities gateway={gateway} />
        </section>
        <section>
          <TopSources gateway={gateway} />
          <Translations gateway={gateway} />
        </section>
      </div>
    </>
  );
}

function GatewayHead({ gateway, stale, onEnd }: { gateway: Gateway; stale: Stale | undefined; onEnd(request: PlanRequest): void }) {
  const now = useNow();
  const clock = useClock();
  const go = useGo();
  const { ids } = useScope();
  const { data: near } = useQuery(queries.neighbours(gateway.id, toPlace(ids)));
  const { data: tenants } = useQuery(queries.tenants());
  const { usage, state } = gateway;
  const said = now === undefined ? undefined : judge(gateway, now, stale);
  const need = said?.need;
  const endable = need && endRequest(need);
  const failover = need?.why === 'stranded' ? gateway.wanEvents?.[0] : undefined;
  const planRefusal = useRefusal('plans.write', [gateway.tenantId]);
  const age = usage && now !== undefined ? Math.max(0, now - Date.parse(usage.at)) / 1000 : undefined;
  useKey('d', () => {
    if (endable) {
      if (!planRefusal) onEnd(endable);
    } else if (need?.action.path.startsWith('/connections')) go(need.action.path);
  });
  return (
    <div className="gateway-head" data-colour={tenants?.find(({ id }) => id === gateway.tenantId)?.colour ?? 0}>
      <div className="row head-line">
        <span className="owner">
          <b>{gateway.tenantName}</b>
        </span>
        <span className="dim2">
          / {gateway.siteName}
          {near && ` / gateway ${count(near.number)} of ${count(near.total)}`}
        </span>
        <kbd aria-hidden>[</kbd>
        <kbd aria-hidden>]</kbd>
        {said && (
          <State kind={said.kind} isPill>
            {said.word}
          </State>
        )}
        {age !== undefined && <span className={`pill ${age > 60 ? 'amber' : ''}`}>Last sample {lasting(age)} ago</span>}
        <span className="grow" />
        <Link className="btn" href={connectionsPath('', gateway.id)}>
          <IconArrowsLeftRight className="i s" stroke={1.5} aria-hidden />
          Connections here
        </Link>
        {endable ? (
          <Button kind="danger-line" keys="d" refusal={planRefusal} onClick={() => onEnd(endable)}>
            {need.action.text}
          </Button>
        ) : (
          need?.action.path.startsWith('/connections') && (
            <Link className="btn" href={need.action.path}>
              {need.action.text} <kbd aria-hidden>d</kbd>
            </Link>
          )
        )}
      </div>
      <h1>{gateway.name}</h1>
      <p className="verdict">
        {said && (
          <>
            <b>
              {failover ? `${wanEventSentence(failover, (at) => clock.when(at, now))}.` : said.head}
              {said.fullAtMs !== undefined && `, at ${clock.time(said.fullAtMs)}.`}
            </b>{' '}
            {said.cause}
          </>
        )}
      </p>
      <ul className="facts">
        <li>
          Limit <b>{count(usage?.max)}</b>
        </li>
        <li>
          Buckets <b>{count(usage?.buckets)}</b>
          {usage?.buckets ? `, ${(usage.count / usage.buckets).toFixed(1)} a bucket` : ''}
        </li>
        <li>
          Entries <b>{count(usage?.count)}</b>
        </li>
        <li>
          Agent <b>{gateway.agentVersion ?? 'not known'}</b>
        </li>
        <li>
          Kernel <b>{gateway.kernel ?? 'not known'}</b>
        </li>
        {gateway.certificate && state !== 'revoked' && <CertificateFact certificate={gateway.certificate} now={now} />}
        {gateway.tableKind === 'memory' && <li className="amber">table in memory, not the kernel’s</li>}
        <li>
          Link <b>{GATEWAY_STATES[state].word}</b>
          {now !== undefined && ` for ${lasting(Math.max(0, now - Date.parse(gateway.since)) / 1000)}`}
        </li>
        {Object.keys(gateway.capabilities?.cannot ?? {}).length > 0 && (
          <li>{counted(Object.keys(gateway.capabilities!.cannot).length, 'thing')} it cannot do</li>
        )}
      </ul>
    </div>
  );
}

/** Until when its certificate is good; once it has ended, until when its agent can still renew it by itself. */
function CertificateFact({ certificate, now }: { certificate: NonNullable<Gateway['certificate']>; now: number | undefined }) {
  const clock = useClock();
  const { endsAt, renewableUntil, isOverdue } = certificate;
  return (
    <li className={isOverdue ? 'amber' : undefined}>
      {now === undefined || now < Date.parse(endsAt) ? (
        <>
          Certificate until <b>{clock.when(endsAt, now)}</b>
        </>
      ) : now < Date.parse(renewableUntil) ? (
        <>
          Certificate ended <b>{clock.when(endsAt, now)}</b>, renewable until <b>{clock.when(renewableUntil, now)}</b>
        </>
      ) : (
        <>
          Certificate ended <b>{clock.when(endsAt, now)}</b>; enrol the gateway again
        </>
      )}
    </li>
  );
}

function GatewayCharts({ gateway, span, onSpan }: { gateway: Gateway; span: Span; onSpan(span: Span): void }) {
  const until = useNow(SPANS[span] > 21_600_000 ? 300_000 : 30_000);
  const {
    data: newest,
    error,
    isPlaceholderData,
    refetch,
  } = useQuery({
    ...queries.samples(gateway.id, { fromMs: (until ?? 0) - SPANS[span], toMs: until ?? 0 }, 360),
    enabled: until !== undefined,
  });
  const data = useKept(newest);
  const marks = useChartMarks(gateway.id);
  const firstAt = data?.points[0]?.at;
  const range = useMemo(
    () => ({ fromMs: visibleFrom(firstAt, (until ?? 0) - SPANS[span], until ?? 0), toMs: until ?? 0 }),
    [firstAt, span, until],
  );
  const segments = (
    <Segments
      label="Time range"
      isSlim
      value={span}
      onChange={onSpan}
      options={(Object.keys(SPANS) as Span[]).map((value) => ({ value, text: `${value.slice(0, -1)} ${value.slice(-1)}` }))}
    />
  );
  if (error && !data)
    return (
      <div className="empty">
        <Failure what="The samples could not be read" error={error} stillWorks="The gateway goes on." onRetry={() => void refetch()} />
      </div>
    );
  if (!data || until === undefined)
    return (
      <div className="empty">
        <Skeleton lines={6} />
      </div>
    );
  return (
    <div className={`charts ${isPlaceholderData || error ? 'stale' : ''}`}>
      <UsageChart samples={data} range={range} gateway={gateway} marks={marks} controls={segments} />
      <Breakdown samples={data} range={range} gateway={gateway} />
    </div>
  );
}

/**
 * A gateway whose samples begin in the second half of the span is drawn from a little before its first one; the head says since when data
 * exists.
 */
function visibleFrom(first: string | undefined, fromMs: number, toMs: number): number {
  const firstMs = first === undefined ? fromMs : Date.parse(first);
  return firstMs - fromMs > (toMs - fromMs) / 2 ? Math.max(fromMs, firstMs - (toMs - firstMs) * 0.12 - 5000) : fromMs;
}
