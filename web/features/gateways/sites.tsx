'use client';

import './gateways.css';
import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryState } from 'nuqs';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { useGatewaysInScope } from '../../lib/scope.ts';
import { Bar, usageTone } from '../../ui/bar.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { count, counted, percent } from '../../../client/words/format.ts';
import { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { NoGateway } from '../enrolment/no-gateway.tsx';
import { judge } from './judgement.ts';
import { useStaleFlows } from './use-stale-flows.ts';
import { wanFault } from '../../../client/words/wan-words.ts';

/** Every gateway by tenant and site: is it up, how full, over which WANs, since when. */
export function Sites() {
  const { gateways, error, refetch } = useGatewaysInScope();
  const { data: tenants } = useQuery(queries.tenants());
  const { data: unreadable } = useQuery(queries.unreadableGateways());
  const [q, setQ] = useQueryState('q', parseAsString.withDefault(''));
  const clock = useClock();
  const now = useNow(60_000);
  const shown =
    gateways
      ?.filter((gateway) =>
        `${gateway.tenantName} ${gateway.siteName} ${gateway.name} ${gateway.tags.join(' ')}`.toLowerCase().includes(q.toLowerCase()),
      )
      .toSorted(
        (a, b) => a.tenantName.localeCompare(b.tenantName) || a.siteName.localeCompare(b.siteName) || a.name.localeCompare(b.name),
      ) ?? [];
  const stale = useStaleFlows(gateways);
  const { row } = useList(shown.map(({ id }) => ({ path: `/gateways/${id}` })));
  if (error && !gateways)
    return (
      <div className="empty">
        <Failure what="The gateways could not be read" error={error} onRetry={() => void refetch()} />
      </div>
    );
  if (!gateways)
    return (
      <div className="empty">
        <Skeleton lines={10} />
      </div>
    );
  const up = gateways.filter(({ state }) => state === 'online').length;
  const sites = new Set(gateways.map(({ siteId }) => siteId)).size;
  return (
    <>
      <div className="head">
        <h1>
          {up === gateways.length ? `All ${counted(up, 'gateway')} up` : `${up} of ${counted(gateways.length, 'gateway')} up`} at{' '}
          {counted(sites, 'site')}
        </h1>
        <span className="grow" />
        <label className="input" style={{ width: 240 }}>
          <span className="sr">Find</span>
          <input placeholder="Tenant, site, gateway or tag" value={q} onChange={(event) => void setQ(event.currentTarget.value || null)} />
        </label>
      </div>
      {unreadable && (
        <div className="pad">
          <Unreadable entries={unreadable} />
        </div>
      )}
      {gateways.length === 0 ? (
        <NoGateway />
      ) : shown.length === 0 ? (
        <Empty
          action={
            <button type="button" className="btn" onClick={() => void setQ(null)}>
              Show all
            </button>
          }
        >
          No gateway has “{q}” in its name, site, tenant or tags.
        </Empty>
      ) : (
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
              {shown.map((gateway, index) => {
                const { usage } = gateway;
                const before = shown[index - 1];
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
      )}
    </>
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
