'use client';

import './gateways.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { parseAsString, parseAsStringLiteral, useQueryState } from 'nuqs';
import { useState } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { useWatched } from '../../lib/watch.ts';
import { useScope } from '../../lib/scope.ts';
import { toPlace } from '../../lib/scoped-path.ts';
import { Bar, usageTone } from '../../ui/bar.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { count, counted, percent } from '../../../client/words/format.ts';
import { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { NoGateway } from '../enrolment/no-gateway.tsx';
import { judge } from './judgement.ts';
import { WanEventLine } from '../wan-events/wan-event-line.tsx';
import { useStaleFlows } from './use-stale-flows.ts';
import { wanFault } from '../../../proto/model/wan-fault.ts';

/** Rows of a page: what an operator scrolls through, and what is kept current while it is shown. */
const PAGE = 100;

/** Every gateway by tenant and site: is it up, how full, over which WANs, since when. */
export function Sites() {
  const { ids } = useScope();
  const [q, setQ] = useQueryState('q', parseAsString.withDefault(''));
  const [needs, setNeeds] = useQueryState('needs', parseAsStringLiteral(['attention'] as const));
  const { data: overview, error, refetch } = useQuery({ ...queries.overview(toPlace(ids)), refetchInterval: 15_000 });
  if (error && !overview)
    return (
      <div className="empty">
        <Failure what="The gateways could not be read" error={error} onRetry={() => void refetch()} />
      </div>
    );
  if (!overview)
    return (
      <div className="empty">
        <Skeleton lines={10} />
      </div>
    );
  const { gateways, sites, states } = overview.figures;
  return (
    <>
      <div className="head">
        <h1>
          {states.online === gateways
            ? `All ${counted(gateways, 'gateway')} up`
            : `${count(states.online)} of ${counted(gateways, 'gateway')} up`}{' '}
          at {counted(sites, 'site')}
        </h1>
        {needs && (
          <Button size="slim" onClick={() => void setNeeds(null)}>
            Only those that need someone: show all
          </Button>
        )}
        <span className="grow" />
        <label className="input" style={{ width: 240 }}>
          <span className="sr">Find</span>
          <input
            placeholder="Tenant, site, gateway or tag"
            maxLength={200}
            value={q}
            onChange={(event) => void setQ(event.currentTarget.value || null)}
          />
        </label>
      </div>
      {overview.unreadable && (
        <div className="pad">
          <Unreadable entries={overview.unreadable} />
        </div>
      )}
      {gateways === 0 ? (
        <NoGateway />
      ) : (
        <GatewayPages key={JSON.stringify([ids, q, needs])} text={q} needs={needs ?? undefined} onAll={() => void setQ(null)} />
      )}
    </>
  );
}

/** The gateways in scope that have a text in their names or tags, page by page. */
function GatewayPages({ text, needs, onAll }: { text: string; needs: 'attention' | undefined; onAll(): void }) {
  const { ids } = useScope();
  const [cursors, setCursors] = useState<(string | undefined)[]>([undefined]);
  const asked = queries.gateways({ ...toPlace(ids), text, needs, order: 'place', limit: PAGE, cursor: cursors.at(-1) });
  const { data, error, isPlaceholderData, refetch } = useQuery(asked);
  const client = useQueryClient();
  useWatched(data && !isPlaceholderData ? data.items.map(({ id }) => id) : [], (gateway) =>
    client.setQueryData(asked.queryKey, (before) => before && { ...before, items: withGateway(before.items, gateway) }),
  );
  if (error && !data)
    return (
      <div className="empty">
        <Failure what="The gateways could not be read" error={error} onRetry={() => void refetch()} />
      </div>
    );
  if (!data)
    return (
      <div className="empty">
        <Skeleton lines={10} />
      </div>
    );
  if (data.total === 0)
    return (
      <Empty
        action={
          <button type="button" className="btn" onClick={onAll}>
            Show all
          </button>
        }
      >
        {text === ''
          ? 'No gateway needs attention.'
          : `No gateway${needs ? ' that needs attention' : ''} has “${text}” in its name, site, tenant or tags.`}
      </Empty>
    );
  const first = (cursors.length - 1) * PAGE + 1;
  return (
    <>
      <GatewayTable gateways={data.items} />
      {(cursors.length > 1 || data.cursor) && (
        <div className="row pad">
          <Button
            size="slim"
            onClick={() => setCursors(cursors.slice(0, -1))}
            refusal={cursors.length === 1 ? 'This is the first page.' : undefined}
          >
            Before
          </Button>
          <Button
            size="slim"
            onClick={() => setCursors([...cursors, data.cursor])}
            refusal={data.cursor ? undefined : 'This is the last page.'}
          >
            Next
          </Button>
          <span className="dim">
            {count(first)} to {count(first + data.items.length - 1)} of {counted(data.total, 'gateway')}
          </span>
        </div>
      )}
    </>
  );
}

function withGateway(before: Gateway[], gateway: Gateway): Gateway[] {
  return before.map((each) => (each.id === gateway.id ? gateway : each));
}

function GatewayTable({ gateways }: { gateways: Gateway[] }) {
  const { data: tenants } = useQuery(queries.tenants());
  const clock = useClock();
  const now = useNow(60_000);
  const stale = useStaleFlows(gateways);
  const { row } = useList(gateways.map(({ id }) => ({ path: `/gateways/${id}` })));
  return (
    <div className="pad wide-table">
      <table className="sites">
        <thead>
          <tr>
            <th>Tenant</th>
            <th>Site</th>
            <th>Gateway</th>
            <th>State</th>
            <th>Link since</th>
            <th className="num">Entries</th>
            <th className="num">Limit</th>
            <th>Table used</th>
            <th>WANs</th>
            <th>Kernel</th>
            <th>Tags</th>
          </tr>
        </thead>
        <tbody>
          {gateways.map((gateway, index) => {
            const { usage } = gateway;
            const before = gateways[index - 1];
            const share = usage?.max ? usage.count / usage.max : undefined;
            const said = now === undefined ? undefined : judge(gateway, now, stale.get(gateway.id));
            return (
              <tr key={gateway.id} {...row(index)} data-colour={tenants?.find(({ id }) => id === gateway.tenantId)?.colour ?? 0}>
                <td>
                  {before?.tenantId === gateway.tenantId ? (
                    ''
                  ) : (
                    <span className="owner">
                      <b>{gateway.tenantName}</b>
                    </span>
                  )}
                </td>
                <td>{before?.siteId === gateway.siteId ? '' : gateway.siteName}</td>
                <td>
                  <Link href={`/gateways/${gateway.id}`}>
                    <b>{gateway.name}</b>
                  </Link>
                </td>
                <td>
                  {said && (
                    <State kind={said.kind}>
                      <span title={`${said.head} ${said.cause}`}>{said.word}</span>
                    </State>
                  )}
                  {gateway.wanEvents?.map((event) => (
                    <div key={event.id} className="small">
                      <WanEventLine event={event} />
                    </div>
                  ))}
                </td>
                <td className="dim">{clock.when(gateway.since, now)}</td>
                <td className="num">{count(usage?.count)}</td>
                <td className="num dim2">{count(usage?.max)}</td>
                <td>
                  {share === undefined ? (
                    <span className="dim">not known</span>
                  ) : (
                    <div className="row">
                      <Bar width={72} share={share} tone={gateway.state === 'online' ? usageTone(share) : 'hatch'} />
                      <span>{percent(usage!.count, usage!.max!)}</span>
                    </div>
                  )}
                </td>
                <td>
                  <Wans gateway={gateway} />
                </td>
                <td className="dim">
                  {gateway.kernel ?? '–'}
                  {gateway.tableKind === 'memory' && ' (table in memory)'}
                </td>
                <td className="dim">{gateway.tags.join(', ') || '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Wans({ gateway }: { gateway: Gateway }) {
  if (gateway.wans.length === 0) return <span className="dim">not known</span>;
  return (
    <span className="row">
      {gateway.wans.map((wan) => (
        <span key={wan.name} title={wan.addresses.join(', ') || 'no address'}>
          {wanFault(wan) !== undefined ? (
            <State kind="critical" isSmall>
              {wan.name} {wanFault(wan)}
            </State>
          ) : (
            <span className={wan.isUp === undefined ? 'dim' : 'dim2'}>{wan.name}</span>
          )}
        </span>
      ))}
    </span>
  );
}
