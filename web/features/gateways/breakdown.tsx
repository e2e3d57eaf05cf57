'use client';

import { useMemo, useState } from 'react';
import type { z } from 'zod';
import type { Gateway, samples as samplesSchema } from '../../../proto/http/fleet.ts';
import { useClock } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { Segments } from '../../ui/button.tsx';
import { count, percent, short } from '../../../client/words/format.ts';
import { TimeChart } from '../../ui/time-chart.tsx';
import { stateTerm } from './need.ts';
import { growthPerMinute, rankedNames, stackColumns } from './chart-data.ts';

type Samples = z.output<typeof samplesSchema>;
const SERIES = ['series-1', 'series-2', 'series-3', 'series-4', 'series-5'];

/** What the table is made of, by state or by protocol, over time and now. Only the largest is in colour. */
export function Breakdown({ samples, range, gateway }: { samples: Samples; range: { fromMs: number; toMs: number }; gateway: Gateway }) {
  const [part, setPart] = useState<'byState' | 'byProto'>('byState');
  const clock = useClock();
  const now = gateway.usage?.[part] ?? samples.points.findLast((point) => point[part])?.[part] ?? {};
  const ranking = rankedNames(now).slice(0, 4).join('\n');
  const stack = useMemo(() => stackColumns(samples, part, ranking === '' ? undefined : ranking.split('\n')), [samples, part, ranking]);
  const { names } = stack;
  const chart = useMemo(
    () => ({
      xs: stack.xs,
      gaps: stack.gaps,
      range,
      lines: stack.names.map((name, index) => ({ label: name, values: stack.values[index]!, fill: SERIES[index] })),
    }),
    [stack, range],
  );
  const total = Object.values(now).reduce((sum, flows) => sum + flows, 0);
  const rest = total - names.filter((name) => name !== 'other').reduce((sum, name) => sum + (now[name] ?? 0), 0);
  return (
    <section>
      <div className="sec-head">
        <h2>{part === 'byState' ? 'By state' : 'By protocol'}</h2>
        {gateway.usage?.breakdownAt && <span className="dim">at {clock.seconds(gateway.usage.breakdownAt)}</span>}
        <span className="grow" />
        <Segments
          label="Break down by"
          isSlim
          value={part}
          onChange={setPart}
          options={[
            { value: 'byState', text: 'State' },
            { value: 'byProto', text: 'Protocol' },
          ]}
        />
      </div>
      {names.length === 0 ? (
        <p className="dim no-data hatch">No breakdown in this time.</p>
      ) : (
        <TimeChart
          label={`Entries ${part === 'byState' ? 'by state' : 'by protocol'} over time`}
          height={128}
          timeZone={clock.zone}
          isBare
          {...chart}
        />
      )}
      <table data-density="compact">
        <tbody>
          {names.map((name, index) => {
            const flows = name === 'other' ? rest : now[name];
            const growth = name === 'other' ? undefined : growthPerMinute(samples.points, part, name);
            const word = part === 'byState' ? stateTerm(name) : `proto:${name}`;
            return (
              <tr key={name} className={index === 0 ? 'strong' : ''}>
                <td>
                  <i className="swatch" style={{ background: `var(--${SERIES[index]})` }} />
                  {name === 'other' || name === 'NONE' ? name : <Link href={connectionsPath(word, gateway.id)}>{name}</Link>}
                </td>
                <td className="num">{count(flows)}</td>
                <td className="num">{flows === undefined ? '–' : percent(flows, total)}</td>
                <td className="num dim">
                  {growth === undefined ? '–' : Math.abs(growth) < 0.5 ? '0' : `${growth > 0 ? '+' : '−'}${short(Math.abs(growth))}/min`}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
