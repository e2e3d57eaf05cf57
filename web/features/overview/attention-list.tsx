'use client';

import { useQueries, useQuery } from '@tanstack/react-query';
import { useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { ActionHead } from '../../ui/action-head.tsx';
import { Bar, usageTone } from '../../ui/bar.tsx';
import { Button } from '../../ui/button.tsx';
import { useKey } from '../../ui/keys.ts';
import { useList } from '../../ui/list.tsx';
import { Sparkline } from '../../ui/sparkline.tsx';
import { State } from '../../ui/state.tsx';
import type { EndNeed } from '../../../client/words/authority-words.ts';
import type { PlanRequest } from '../../../client/words/plan-words.ts';
import { count } from '../../../client/words/format.ts';
import { endRequest, used, type Need } from '../gateways/need.ts';
import { WanEventLine } from '../wan-events/wan-event-line.tsx';
import { AuthorityEnds } from './authority-ends.tsx';

const MOST = 12;
const DAY_MS = 86_400_000;

/**
 * Certificates that every gateway depends on, then gateways that need attention, most urgent first: why, how soon, where, the evidence,
 * and one action.
 */
export function AttentionList({
  needs,
  total,
  ends,
  onEnd,
}: {
  needs: Need[];
  total: number;
  ends: EndNeed[];
  onEnd(request: PlanRequest): void;
}) {
  const go = useGo();
  const refusal = useRefusal('plans.write');
  const { data: tenants } = useQuery(queries.tenants());
  const shown = needs.slice(0, MOST);
  const { at, row } = useList(shown.map(({ gateway }) => ({ path: `/gateways/${gateway.id}` })));
  const until = useNow(300_000);
  const days = useQueries({
    queries: shown.map(({ gateway }) => ({
      ...queries.samples(gateway.id, { fromMs: (until ?? 0) - DAY_MS, toMs: until ?? 0 }, 48),
      enabled: until !== undefined,
    })),
  });
  const end = (need: Need) => {
    const request = endRequest(need);
    if (request) onEnd(request);
    else go(need.action.path);
  };
  useKey('d', () => {
    if (shown[at]) end(shown[at]);
  });
  if (shown.length === 0)
    return (
      <section className="pad">
        <div className="sec-head">
          <h2>Needs attention</h2>
          <span className="dim">
            {ends.length > 0 ? 'no gateway' : 'nobody'}: no table fills up within a day, no packet was dropped in ten minutes, every gateway
            answers
          </span>
        </div>
        <AuthorityEnds needs={ends} />
      </section>
    );
  return (
    <section className="pad">
      <div className="sec-head">
        <h2>Needs attention</h2>
        <span className="dim">
          set aside, then by minutes to full, stale flows, nearly full, packet drops, no table, certificates, silence
        </span>
        <span className="grow" />
        <span className="dim keys-hint">
          <kbd>j</kbd> <kbd>k</kbd> move <kbd>Enter</kbd> open <kbd>d</kbd> act
        </span>
      </div>
      <AuthorityEnds needs={ends} />
      <div className="wide-table">
        <table className="attention">
          <thead>
            <tr>
              <th className="num">#</th>
              <th>Why</th>
              <th className="num">How soon / many</th>
              <th>Rate / since</th>
              <th>Gateway</th>
              <th>Tenant</th>
              <th>Evidence</th>
              <th>Table used</th>
              <th>24 h</th>
              <ActionHead />
            </tr>
          </thead>
          <tbody>
            {shown.map((need, index) => {
              const { gateway } = need;
              const share = gateway.usage?.max ? gateway.usage.count / gateway.usage.max : undefined;
              return (
                <tr key={gateway.id} {...row(index)} data-colour={tenants?.find(({ id }) => id === gateway.tenantId)?.colour ?? 0}>
                  <td className="num dim">{index + 1}</td>
                  <td>
                    <State kind={need.kind}>{need.word}</State>
                  </td>
                  <td className="num strong">{need.measure}</td>
                  <td className="dim">{need.pace}</td>
                  <td>
                    <Link href={`/gateways/${gateway.id}`}>
                      <b>{gateway.name}</b>
                    </Link>
                  </td>
                  <td>
                    <span className="owner">{gateway.tenantName}</span>
                  </td>
                  <td className="dim2">
                    {need.why === 'stranded' && gateway.wanEvents?.[0] ? <WanEventLine event={gateway.wanEvents[0]} /> : need.evidence}
                  </td>
                  <td>
                    {share === undefined ? (
                      <span className="dim">not known</span>
                    ) : (
                      <div className="row">
                        <Bar width={48} share={share} tone={gateway.state === 'online' ? usageTone(share) : 'hatch'} />
                        <span>{used(gateway)}</span>
                      </div>
                    )}
                  </td>
                  <td>
                    <Sparkline
                      points={days[index]?.data?.points.map(({ at: time, countMax, max }) => ({
                        atMs: Date.parse(time),
                        value: countMax,
                        limit: max,
                      }))}
                      label={`Entries of ${gateway.name} over 24 h`}
                    />
                  </td>
                  <td className="num">
                    {need.action.ends ? (
                      <Button
                        kind="danger-line"
                        size="slim"
                        keys={index === at ? 'd' : undefined}
                        refusal={refusal}
                        onClick={() => end(need)}
                      >
                        {need.action.text}
                      </Button>
                    ) : (
                      <Link className={index === at ? 'btn' : 'link'} href={need.action.path}>
                        {need.action.text}
                      </Link>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {total > shown.length && (
        <p className="dim small">
          <Link className="link" href="/sites?needs=attention">
            {count(total - shown.length)} more
          </Link>
        </p>
      )}
    </section>
  );
}
