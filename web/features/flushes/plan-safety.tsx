import type { Plan } from '../../../proto/http/plans.ts';
import { counted, lasting } from '../../../client/words/format.ts';
import { refusesNewFlows } from '../../../client/words/block-words.ts';
import { methodOf } from '../../../client/words/method-words.ts';
import { wavesWords } from '../../../client/words/plan-words.ts';
import { ReasonFields } from './reason-fields.tsx';

const FRICTION: Record<Plan['friction'], string> = {
  none: 'few flows on one gateway: one button',
  'count-in-button': 'the number is in the button',
  'type-count': 'type the number',
  'second-person': 'a second person agrees',
};

interface PlanSafetyProps {
  plan: Plan;
  reason: string;
  ticket: string;
  areWaves: boolean;
  onWaves(areWanted: boolean): void;
  onReason(text: string): void;
  onTicket(text: string): void;
  onEnter(): void;
}

/** How the plan runs, and the reason for it. */
export function PlanSafety({ plan, areWaves, onWaves, ...fields }: PlanSafetyProps) {
  return (
    <section className="band">
      <h2>
        Safety<small>how it runs</small>
      </h2>
      <div className="stack wide">
        <dl className="rules">
          <div>
            <dt>Order</dt>
            <dd>
              {wavesWords(plan, areWaves)}
              {plan.waves.length > 1 && plan.state === 'ready' && (
                <label className="row small">
                  <input type="checkbox" checked={areWaves} onChange={(event) => onWaves(event.currentTarget.checked)} />
                  in waves; trouble holds the next one back
                </label>
              )}
            </dd>
          </div>
          <div>
            <dt>Only these</dt>
            <dd>
              {refusesNewFlows(plan) ? 'the packets named above, and these flows by kernel id and tuple' : 'each by kernel id and tuple'}
            </dd>
          </div>
          <div>
            <dt>Verify</dt>
            <dd>
              {plan.method === 'block'
                ? 'the packets that are refused are counted, and the flows looked up again'
                : 'looked up again afterwards'}
            </dd>
          </div>
          {plan.maxDrift !== undefined && (
            <div>
              <dt>Drift</dt>
              <dd>a gateway does nothing if more than {counted(plan.maxDrift, 'flow')} of its own have gone when its turn comes</dd>
            </div>
          )}
          <div>
            <dt>Undo</dt>
            <dd>
              {!methodOf(plan.method).isUndoable
                ? 'none for this method'
                : plan.undoForSeconds === 0
                  ? 'none was asked for'
                  : `for ${lasting(plan.undoForSeconds)} after`}
            </dd>
          </div>
          <div>
            <dt>Confirm</dt>
            <dd>{plan.totals.flows === 0 && !refusesNewFlows(plan) ? 'there is nothing to end' : FRICTION[plan.friction]}</dd>
          </div>
        </dl>
        <ReasonFields {...fields} />
      </div>
    </section>
  );
}
