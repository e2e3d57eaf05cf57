'use client';

import { useQuery } from '@tanstack/react-query';
import type { Overview, TenantHeat } from '../../../proto/http/overview.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { count, counted } from '../../../client/words/format.ts';
import { WHY_WORDS, type Need } from '../gateways/need.ts';

/**
 * How full tables are, by tenant: one tile per gateway, or in a large fleet how many gateways are in each band. A corner marks those that
 * need attention; dashed means offline or unknown.
 */
export function HeatTiles({ overview: { tenants: heat, otherTenants }, needs }: { overview: Overview; needs: Need[] }) {
  const { data: tenants = [] } = useQuery(queries.tenants());
  const listed = new Map(needs.map((need) => [need.gateway.id, need]));
  const hasTiles = heat.some(({ tiles }) => tiles);
  return (
    <section>
      <div className="sec-head">
        <h2>{hasTiles ? 'Table used, % per gateway' : 'Table used, gateways by %'}</h2>
      </div>
      <div className="heat">
        {heat.map((row) => (
          <div key={row.id} className="heat-row" data-colour={tenants.find(({ id }) => id === row.id)?.colour ?? 0}>
            <span className="row">
              <Link className="owner grow ellipsis" href={`/sites?tenant=${row.id}`}>
                {row.name}
              </Link>
              <span className="dim">{count(row.gateways)}</span>
            </span>
            {row.tiles ? (
              <div className="tiles">
                {row.tiles.map((tile) => (
                  <Tile key={tile.id} tile={tile} need={listed.get(tile.id)} />
                ))}
              </div>
            ) : (
              <Bands row={row} />
            )}
          </div>
        ))}
      </div>
      {otherTenants > 0 && (
        <p className="dim small">
          {counted(otherTenants, 'tenant')} with fewer gateways {otherTenants === 1 ? 'is' : 'are'} not shown here.
        </p>
      )}
      <div className="heat-legend dim" aria-hidden>
        {[
          ['', '0–19'],
          ['t1', '20–39'],
          ['t2', '40–59'],
          ['t3', '60–74'],
          ['tw', '75–89 warning'],
          ['tc', '90+ critical'],
          ...(hasTiles ? [['marked', 'in the list above']] : []),
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

type TileData = NonNullable<TenantHeat['tiles']>[number];

function Tile({ tile: { id, name, siteName, state, percent, why }, need }: { tile: TileData; need: Need | undefined }) {
  const words = percent === undefined ? (state === 'online' ? 'use not known' : state.replace('-', ' ')) : `${percent} % used`;
  const reason = need?.word ?? (why && WHY_WORDS[why]);
  const said = reason ? `${reason}, ${words}` : words;
  return (
    <Link
      href={`/gateways/${id}`}
      className={`tile ${tone(percent)} ${reason ? 'marked' : ''}`}
      title={`${name}, ${siteName}: ${said}`}
      aria-label={`${name}: ${said}`}
    >
      {percent ?? '–'}
    </Link>
  );
}

const BANDS = [
  ['', '0 to 19 %'],
  ['t1', '20 to 39 %'],
  ['t2', '40 to 59 %'],
  ['t3', '60 to 74 %'],
  ['tw', '75 to 89 %'],
  ['tc', '90 % and more'],
  ['tx', 'offline or not known'],
] as const;

/** A tenant's gateways as one bar, a part for each band, with its number where there is room. */
function Bands({ row: { name, gateways, bands, needs } }: { row: TenantHeat }) {
  const parts = BANDS.flatMap(([kind, words], index) => (bands[index]! > 0 ? [{ tone: kind, words, many: bands[index]! }] : []));
  const said = `${name}: ${parts.map(({ words, many }) => `${count(many)} ${words}`).join(', ')}; ${count(needs)} need someone`;
  return (
    <div className="bands" role="img" aria-label={said} title={said}>
      {parts.map(({ tone: kind, many }) => (
        <span key={kind} className={`band-of-use ${kind}`} style={{ flexGrow: many }}>
          {many / gateways >= 0.06 ? count(many) : ''}
        </span>
      ))}
    </div>
  );
}

function tone(share: number | undefined): string {
  if (share === undefined) return 'tx';
  return share >= 90 ? 'tc' : share >= 75 ? 'tw' : share >= 60 ? 't3' : share >= 40 ? 't2' : share >= 20 ? 't1' : '';
}
