'use client';

import { useState } from 'react';
import type { PlannedGateway, PolicyEffectsView, PolicyPlan } from '../../../proto/http/policy-plans.ts';
import { count, counted } from '../../../client/words/format.ts';
import { effectsOf, EFFECTS, effectWords, stoppedWords } from '../../../client/words/policy-effect-words.ts';
import { Link } from '../../lib/link.tsx';
import { connectionsPath } from '../../lib/scoped-path.ts';
import { State } from '../../ui/state.tsx';
import { FlowRows } from '../flushes/flow-rows.tsx';

/** More ids than that make no filter that anybody reads. */
const MAX_LINKED = 200;

/** What the whole plan does to flows that are there now, worst first. */
export function PlanEffects({ plan }: { plan: PolicyPlan }) {
  const effects = effectsOf(plan);
  if (effects.length === 0) return null;
  return (
    <ul className="effects" aria-label="What it would do to flows">
      {effects.map(({ kind, flows, gateways }) => (
        <li key={kind}>
          <State kind={EFFECTS[kind].kind}>{effectWords(kind, flows)}</State>{' '}
          <span className="dim2">on {counted(gateways, 'gateway')}</span>
        </li>
      ))}
    </ul>
  );
}

/** What it does on one gateway, each with its reason, and exactly which flows end. */
export function GatewayEffects({ gateway }: { gateway: PlannedGateway }) {
  const { effects: view } = gateway;
  if (!view) return gateway.difference ? <p className="small dim">What it would do to flows is not known here.</p> : null;
  if (view.unknown !== undefined) return <p className="small note amber">What it would do to flows is not known: {view.unknown}</p>;
  if (view.effects.length === 0)
    return <p className="small dim">Of {counted(view.tableCount, 'flow')} that are there now, it touches none.</p>;
  return (
    <>
      <ul className="effects small">
        {view.effects.map(({ kind, path, flows, why }) => (
          <li key={`${kind}${path}`}>
            <State kind={EFFECTS[kind].kind}>{effectWords(kind, flows)}</State>{' '}
            <span className="dim2">
              {why} <span className="mono">{path}</span>
            </span>
          </li>
        ))}
      </ul>
      {view.stopped.length > 0 && <Stopped view={view} gateway={gateway} />}
    </>
  );
}

function Stopped({ view, gateway: { gatewayId, gatewayName } }: { view: PolicyEffectsView; gateway: PlannedGateway }) {
  const [isListed, setListed] = useState(false);
  const { stopped, flowsLeft } = view;
  const ids = stopped.map(({ id }) => id).join(',');
  return (
    <div className="stack">
      <div className="row small">
        <button type="button" className="link" aria-expanded={isListed} onClick={() => setListed(!isListed)}>
          {isListed ? 'Hide' : 'Show'} {stoppedWords(view)}
        </button>
        {stopped.length <= MAX_LINKED && (
          <Link className="link" href={connectionsPath(`id:${ids}`, gatewayId)}>
            Open them in Connections
          </Link>
        )}
      </div>
      {isListed && <FlowRows flows={stopped} nameOf={() => gatewayName} />}
      {isListed && flowsLeft > 0 && <p className="small note amber">{count(flowsLeft)} more were counted and are not in this list.</p>}
    </div>
  );
}
