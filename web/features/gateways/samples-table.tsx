'use client';

import type { z } from 'zod';
import type { samples as samplesSchema } from '../../../proto/http/fleet.ts';
import { NUMBERS, type CounterName } from '../../../proto/model/measures.ts';
import { useClock } from '../../lib/clock.tsx';
import { count, percent } from '../../../client/words/format.ts';

const COUNTERS = ['drop', 'earlyDrop', 'insertFailed'] as const satisfies CounterName[];

/** The samples as numbers, newest first. */
export function SamplesTable({ samples }: { samples: z.output<typeof samplesSchema> }) {
  const clock = useClock();
  return (
    <div className="samples-table" tabIndex={0} role="region" aria-label="Samples">
      <table data-density="compact">
        <thead>
          <tr>
            <th>Time</th>
            <th className="num">{NUMBERS.count.words}</th>
            <th className="num">At most</th>
            <th className="num">{NUMBERS.max.words}</th>
            <th className="num">Used</th>
            {COUNTERS.map((name) => (
              <th key={name} className="num">
                {NUMBERS[name].words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {samples.points.toReversed().map(({ at, count: entries, countMax, max, ...counters }) => (
            <tr key={at}>
              <td>{clock.full(at)}</td>
              <td className="num">{count(entries)}</td>
              <td className="num">{count(countMax)}</td>
              <td className="num">{count(max)}</td>
              <td className="num">{max ? percent(entries, max) : '–'}</td>
              {COUNTERS.map((name) => (
                <td key={name} className="num">
                  {count(counters[name])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
