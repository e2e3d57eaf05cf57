'use client';

import type { z } from 'zod';
import type { facet } from '../../../proto/http/flows.ts';
import { FIELD_NAMES, type FieldName } from '../../../proto/model/filter/filter.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import { STATUS_WORDS } from '../../../proto/model/status.ts';
import { count } from '../../../client/words/format.ts';
import { asksFor, term, withTerm, withToggled } from './filter-edit.ts';

type Facet = z.output<typeof facet>;

const TITLES: Record<string, string> = {
  gateway: 'Gateway',
  wan: 'WAN',
  proto: 'Protocol',
  state: 'State',
  app: 'Application',
  dport: 'Destination port',
  status: 'Status',
  src: 'Source',
  dst: 'Destination',
  nat: 'Translated to',
};
const ORDER = Object.keys(TITLES);
const MOST = 7;

/** Counts by field over all matches. A click adds the value to the filter or removes it again; Alt-click excludes it. */
export function Facets({
  facets,
  gateways,
  filter,
  onFilter,
}: {
  facets: Facet[];
  gateways: { name: string; total?: number }[];
  filter: string;
  onFilter(filter: string): void;
}) {
  const byGateway = {
    field: 'gateway',
    values: gateways.flatMap(({ name, total }) => (total ? [{ value: name, flows: total }] : [])).toSorted((a, b) => b.flows - a.flows),
  };
  const shown = [byGateway, ...facets.filter(({ field }) => field !== 'gateway')]
    .filter(({ values }) => values.length > 0)
    .toSorted((a, b) => place(a.field) - place(b.field));
  return (
    <aside className="facets" aria-label="Facets">
      {shown.map(({ field, values }) => {
        const most = Math.max(...values.map(({ flows }) => flows));
        return (
          <section key={field} aria-label={TITLES[field] ?? field}>
            <h2>{TITLES[field] ?? field}</h2>
            <ul>
              {values.slice(0, MOST).map((one) => (
                <Value key={one.value} field={field} {...one} most={most} filter={filter} onFilter={onFilter} />
              ))}
            </ul>
            {values.length > MOST && <p className="dim">{values.length - MOST} more</p>}
          </section>
        );
      })}
      <p className="dim">Click adds, Alt-click excludes</p>
    </aside>
  );
}

function Value({
  field,
  value,
  flows,
  most,
  filter,
  onFilter,
}: {
  field: string;
  value: string;
  flows: number;
  most: number;
  filter: string;
  onFilter(filter: string): void;
}) {
  const asked = fieldOf(field, value);
  const name = field === 'state' ? value.toLowerCase().replaceAll('_', '-') : value;
  if (!asked)
    return (
      <li className="plain">
        <span>{name}</span>
        <span>{count(flows)}</span>
      </li>
    );
  const isOn = asksFor(filter, asked, value);
  return (
    <li>
      <button
        type="button"
        aria-pressed={isOn}
        style={{ '--share': flows / most } as React.CSSProperties}
        title={`${name}: click ${isOn ? 'takes it out' : 'adds it'}, Alt-click excludes it`}
        onClick={(event) => onFilter(event.altKey ? withTerm(filter, `-${term(asked, value)}`) : withToggled(filter, asked, value))}
      >
        <span className="ellipsis">{name}</span>
        <span className={flows === 0 ? 'dim' : ''}>{count(flows)}</span>
      </button>
    </li>
  );
}

/** The filter field for a facet's value. Protocols without states are counted under State by status words, which `status:` matches. */
function fieldOf(field: string, value: string): FieldName | undefined {
  const name = field === 'state' && STATUS_WORDS.includes(value) ? 'status' : FIELD_NAMES.find((one) => one === field);
  return name && 'filter' in parseFilter(term(name, value)) ? name : undefined;
}

function place(field: string): number {
  const index = ORDER.indexOf(field);
  return index < 0 ? ORDER.length : index;
}
