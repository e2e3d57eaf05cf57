'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { z } from 'zod';
import type { getRetention } from '../../../proto/http/retention.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Bar } from '../../ui/bar.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { count, counted, percent, size } from '../../../client/words/format.ts';

type Retention = z.output<typeof getRetention.response>;

const KEPT: readonly [keyof Retention['days'], string][] = [
  ['samples', 'Samples, as they came'],
  ['minutes', 'Samples, by the minute'],
  ['hours', 'Samples, by the hour'],
  ['flows', 'Flows of plans and runs'],
  ['commands', 'Commands'],
  ['plans', 'Plans, flushes and runs'],
  ['tokens', 'Tokens of no more use'],
  ['answers', 'Answers under an Idempotency-Key'],
  ['audit', 'Audit entries'],
];
const MAX_SHOWN = 8;

/** What is kept how long, and how large each table of the database is. */
export function Storage() {
  const refusal = useRefusal('audit.read', 'all');
  const { data, error, refetch } = useQuery({ ...queries.retention(), enabled: refusal === undefined });
  return (
    <section className="setting" aria-labelledby="storage">
      <h2 id="storage">
        Storage<small>what is kept, and its size</small>
      </h2>
      {refusal ? (
        <p className="dim small">{refusal}</p>
      ) : error && !data ? (
        <Failure what="The sizes could not be read" error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Skeleton lines={6} />
      ) : (
        <div className="storage">
          <Kept days={data.days} />
          {data.tables && <Sizes tables={data.tables} />}
        </div>
      )}
    </section>
  );
}

function Kept({ days }: { days: Retention['days'] }) {
  return (
    <table data-density="compact">
      <thead>
        <tr>
          <th>What</th>
          <th className="num">Kept for</th>
        </tr>
      </thead>
      <tbody>
        {KEPT.map(([key, name]) => (
          <tr key={key}>
            <td>{name}</td>
            <td className="num">{counted(days[key], 'day')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Sizes({ tables }: { tables: NonNullable<Retention['tables']> }) {
  const [isAll, setAll] = useState(false);
  const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
  const shown = isAll ? tables : tables.slice(0, MAX_SHOWN);
  const more = tables.length - shown.length;
  return (
    <div className="stack">
      <table data-density="compact">
        <thead>
          <tr>
            <th>Table</th>
            <th className="num" title="As the database estimates">
              Rows, about
            </th>
            <th className="num">Size with indexes</th>
            <th className="num">Share</th>
            <th>
              <span className="sr">Share of all</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, rows, bytes }) => (
            <tr key={name}>
              <td className="mono">{name}</td>
              <td className="num">{count(rows)}</td>
              <td className="num">{size(bytes)}</td>
              <td className="num dim2">{percent(bytes, total)}</td>
              <td>
                <Bar width={72} share={total > 0 ? bytes / total : 0} tone="blue" />
              </td>
            </tr>
          ))}
          <tr>
            <td>
              <b>All {counted(tables.length, 'table')}</b>
            </td>
            <td />
            <td className="num strong">{size(total)}</td>
            <td />
            <td />
          </tr>
        </tbody>
      </table>
      {more > 0 && (
        <div>
          <button type="button" className="link" onClick={() => setAll(true)}>
            {counted(more, 'more table')}
          </button>
        </div>
      )}
    </div>
  );
}
