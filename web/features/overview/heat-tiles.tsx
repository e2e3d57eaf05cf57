'use client';

import { useQuery } from '@tanstack/react-query';
import type { Gateway } from '../../../proto/http/fleet.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import type { Need } from '../gateways/need.ts';

/** One tile per gateway with how full its table is, by tenant. A corner marks those in the list above; dashed means offline or unknown. */
export function HeatTiles({ gateways, needs }: { gateways: Gateway[]; needs: Need[] }) {
  const { data: tenants = [] } = useQuery(queries.tenants());
  const listed = new Map(needs.map((need) => [need.gateway.id, need]));
  const byTenant = Map.groupBy(gateways, ({ tenantId }) => tenantId);
  return (
    <section>
      <div className="sec-head">
        <h2>Table used, % per gateway</h2>
      </div>
      <div className="heat">
        {[...byTenant]
          .toSorted(([, a], [, b]) => b.length - a.length)
          .map(([id, members]) => (
            <div key={id} className="heat-row" data-colour={tenants.find((tenant) => tenant.id === id)?.colour ?? 0}>
              <span className="row">
                <span className="owner grow ellipsis">{members[0]!.tenantName}</span>
                <span className="dim">{members.length}</span>
              </span>
              <div className="tiles">
                {members.map((gateway) => (
                  <Tile key={gateway.id} gateway={gateway} need={listed.get(gateway.id)} />
                ))}
              </div>
            </div>
          ))}
      </div>
      <div className="heat-legend dim" aria-hidden>
        {[
          ['', '0–19'],
          ['t1', '20–39'],
          ['t2', '40–59'],
          ['t3', '60–74'],
          ['tw', '75–89 warning'],
          ['tc', '90+ critical'],
          ['marked', 'in the list above'],
          ['tx', 'offline or not known'],
        ].map(([tone, text]) => (
          <span key={text}>
            <i className={`tile ${tone}`} />
            {text}
          </span>
        ))}
      </div>
    </section>
  );
}

function Tile({ gateway, need }: { gateway: Gateway; need: Need | undefined }) {
  const { usage, state, name, id, siteName } = gateway;
  const share = state === 'online' && usage?.max ? Math.floor((usage.count / usage.max) * 100) : undefined;
  const words = share === undefined ? (state === 'online' ? 'use not known' : state.replace('-', ' ')) : `${share} % used`;
  const said = need ? `${need.word}, ${words}` : words;
  return (
    <Link
      href={`/gateways/${id}`}
      className={`tile ${tone(share)} ${need ? 'marked' : ''}`}
      title={`${name}, ${siteName}: ${said}`}
      aria-label={`${name}: ${said}`}
    >
      {share ?? '–'}
    </Link>
  );
}

function tone(share: number | undefined): string {
  if (share === undefined) return 'tx';
  return share >= 90 ? 'tc' : share >= 75 ? 'tw' : share >= 60 ? 't3' : share >= 40 ? 't2' : share >= 20 ? 't1' : '';
}
