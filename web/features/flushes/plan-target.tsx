'use client';

import { useState } from 'react';
import type { Plan } from '../../../proto/http/plans.ts';
import { Bar } from '../../ui/bar.tsx';
import { count, counted, percent } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { ExactFlows } from './exact-flows.tsx';
import { refusedSentences, sparedSentence } from '../../../client/words/block-words.ts';
import { FilterText } from './filter-text.tsx';
import { PlanWanEvents } from '../wan-events/plan-wan-events.tsx';
import { PlanMethod } from './plan-method.tsx';
import { inOrder } from '../../../client/words/plan-words.ts';

const MAX_ROWS = 8;

/** What the plan contains: the filter, each gateway's part with those left out first, and on demand every flow. */
export function PlanTarget({
  plan,
  difference,
  isPlanning,
  onMethod,
}: {
  plan: Plan;
  difference: string | undefined;
  isPlanning: boolean;
  onMethod(method: Plan['method'], forSeconds: number | undefined): void;
}) {
  const [isAll, setAll] = useState(false);
  const [isListed, setListed] = useState(false);
  const gateways = inOrder(plan.gateways);
  const shown = isAll ? gateways : gateways.slice(0, MAX_ROWS);
  return (
    <section className="band">
      <h2>
        Target<small>what the plan holds</small>
      </h2>
      <div className="stack">
        <FilterText filter={plan.filter} isEverything={plan.isEverything} />
        <PlanWanEvents plan={plan} />
        <PlanMethod plan={plan} isPlanning={isPlanning} onMethod={onMethod} />
        <Refused plan={plan} />
        {difference && <p className="note amber">{difference}</p>}
        <table data-density="compact">
          <thead>
            <tr>
              <th>Gateway</th>
              <th>State</th>
              <th className="num">Flows</th>
              <th className="num">of its table</th>
              <th style={{ width: 190 }}>Share of the plan</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ id, name, state, reason, flows, tableCount }) => (
              <tr key={id}>
                <td>
                  <b>{name}</b>
                </td>
                <td className="fold">
                  {state === 'left-out' ? (
                    <State kind="warn">left out{reason && `, ${reason}`}</State>
                  ) : state === 'ready' ? (
                    <State kind="ok">ready</State>
                  ) : (
                    <State kind="never">nothing matches</State>
                  )}
                </td>
                <td className={`num ${flows === 0 ? 'dim' : ''}`}>{state === 'left-out' ? '–' : count(flows)}</td>
                <td className="num dim2">{tableCount === undefined || state === 'left-out' ? '–' : percent(flows, tableCount)}</td>
                <td>
                  <Bar share={plan.totals.flows ? flows / plan.totals.flows : 0} tone="blue" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <div className="row">
          {gateways.length > shown.length && (
            <button type="button" className="link" onClick={() => setAll(true)}>
              {counted(gateways.length - shown.length, 'more gateway')}
            </button>
          )}
          {plan.totals.flows > 0 && (
            <button type="button" className="link" aria-expanded={isListed} onClick={() => setListed(!isListed)}>
              {isListed ? 'Hide the exact flows' : `Show the exact ${counted(plan.totals.flows, 'flow')}`}
            </button>
          )}
        </div>
        {isListed && <ExactFlows of={{ plan: plan.id }} nameOf={(id) => plan.gateways.find((gateway) => gateway.id === id)?.name ?? '–'} />}
      </div>
    </section>
  );
}

/** The packets that a block will refuse, as frozen by the gateways, and what is let through nevertheless. */
function Refused({ plan: { gateways } }: { plan: Plan }) {
  const refused = refusedSentences(gateways);
  if (refused.length === 0) return null;
  const spared = sparedSentence(gateways);
  return (
    <div className="note red" role="note" aria-label="What is refused">
      {refused.map((sentence) => (
        <p key={sentence}>
          <b>{sentence}</b>
        </p>
      ))}
      {spared && <p className="dim2">{spared}</p>}
    </div>
  );
}
