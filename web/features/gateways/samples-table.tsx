'use client';

import type { z } from 'zod';
import type { samples as samplesSchema } from '../../../proto/http/fleet.ts';
import { useClock } from '../../lib/clock.tsx';
import { count, percent } from '../../ui/format.ts';

/** The samples as numbers, newest first. */
export function SamplesTable({ samples }: { samples: z.output<typeof samplesSchema> }) {
  const clock = useClock();
  return (
    <div className="samples-table" tabIndex={0} role="region" aria-label="Samples">
      <table data-density="compact">
        <thead>
          <tr>
            <th>Time</th>
            <th className="num">Entries</th>
            <th className="num">At most</th>
            <th className="num">Limit</th>
            <th className="num">Used</th>
            <th className="num">drop</th>
            <th className="num">early_drop</th>
            <th className="num">insert_failed</th>
          </tr>
        </thead>
        <tbody>
          {samples.points.toReversed().map(({ at, count: entries, countMax, max, drop, earlyDrop, insertFailed }) => (
            <tr key={at}>
              <td>{clock.full(at)}</td>
              <td className="num">{count(entries)}</td>
              <td className="num">{count(countMax)}</td>
              <td className="num">{count(max)}</td>
              <td className="num">{max ? percent(entries, max) : '–'}</td>
              <td className="num">{count(drop)}</td>
              <td className="num">{count(earlyDrop)}</td>
              <td className="num">{count(insertFailed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
