'use client';

import type { z } from 'zod';
import type { facet } from '../../../proto/http/flows.ts';
import { FIELD_NAMES, type FieldName } from '../../../proto/model/filter/filter.ts';
import { count } from '../../ui/format.ts';
import { asksFor, term, withTerm, withToggled } from './filter-edit.ts';

const TITLES: Record<string, string> = { gateway: 'Gateway', wan: 'WAN', proto: 'Protocol', state: 'State', app: 'Application', dport: 'Destination port', status: 'Status', src: 'Source', dst: 'Destination' };
const ORDER = Object.keys(TITLES);
const MOST = 7;

/** Counts by field over all matches. A click adds the value to the filter or takes it out again; Alt and a click excludes it. */
export function Facets({ facets, filter, onFilter, nameOf }: { facets: z.output<typeof facet>[]; filter: string; onFilter(filter: string): void; nameOf(field: string, value: string): string }) {
  const shown = facets.filter(({ field, values }) => isField(field) && values.length > 0).toSorted((a, b) => place(a.field) - place(b.field));
  return (
    <aside className="facets" aria-label="Facets">
      {shown.map(({ field, values }) => {
        const most = Math.max(...values.map(({ flows }) => flows));
        return (
          <section key={field} aria-label={TITLES[field] ?? field}>
            <h2>{TITLES[field] ?? field}</h2>
            <ul>{values.slice(0, MOST).map(({ value, flows }) => {
              const name = nameOf(field, value);
              const isOn = asksFor(filter, field as FieldName, name);
              return (
                <li key={value}><button type="button" aria-pressed={isOn} style={{ '--share': flows / most } as React.CSSProperties} title={`${name}: click ${isOn ? 'takes it out' : 'adds it'}, Alt-click excludes it`}
                  onClick={(event) => onFilter(event.altKey ? withTerm(filter, `-${term(field as FieldName, name)}`) : withToggled(filter, field as FieldName, name))}>
                  <span className="ellipsis">{name}</span><span className={flows === 0 ? 'dim' : ''}>{count(flows)}</span>
                </button></li>
              );
            })}</ul>
            {values.length > MOST && <p className="dim">{values.length - MOST} more</p>}
          </section>
        );
      })}
      <p className="dim">Click adds, Alt-click excludes</p>
    </aside>
  );
}

function isField(field: string): field is FieldName {
  return (FIELD_NAMES as readonly string[]).includes(field);
}

function place(field: string): number {
  const index = ORDER.indexOf(field);
  return index < 0 ? ORDER.length : index;
}
