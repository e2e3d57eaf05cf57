'use client';

import type { Plan } from '../../../proto/http/plans.ts';
import { Segments } from '../../ui/button.tsx';
import { useDraft } from '../../ui/draft.ts';
import { methodOf, METHODS } from '../../../client/words/method-words.ts';

const MAX_SECONDS = 3600;

/** How the flows end. The method is part of the plan, so changing it requests another plan. */
export function PlanMethod({
  plan,
  isPlanning,
  onMethod,
}: {
  plan: Plan;
  isPlanning: boolean;
  onMethod(method: Plan['method'], forSeconds: number | undefined): void;
}) {
  const { does, forWords, forSeconds } = methodOf(plan.method);
  const current = String(plan.forSeconds ?? forSeconds ?? '');
  const [draft, setDraft] = useDraft(current, plan.id);
  const wanted = Number(draft);
  const isGood = Number.isInteger(wanted) && wanted >= 1 && wanted <= MAX_SECONDS;
  const apply = () => {
    if (isGood && draft !== current) onMethod(plan.method, wanted);
  };
  if (plan.state === 'run')
    return (
      <p className="dim2">
        <b>{plan.method}</b>
        {plan.forSeconds !== undefined && ` for ${plan.forSeconds} s`}. {does}
      </p>
    );
  return (
    <div className="row method">
      <Segments
        label="Method"
        value={plan.method}
        onChange={(value) => {
          if (value !== plan.method && !isPlanning) onMethod(value, methodOf(value).forSeconds);
        }}
        options={METHODS.map(({ value, word }) => ({ value, text: word }))}
      />
      {forSeconds !== undefined && (
        <label className={`input ${isGood ? '' : 'has-problem'}`}>
          {forWords}
          <input
            style={{ width: 44 }}
            inputMode="numeric"
            aria-invalid={!isGood}
            value={draft}
            onChange={(event) => setDraft(event.currentTarget.value)}
            onBlur={apply}
            onKeyDown={(event) => {
              if (event.key === 'Enter') apply();
            }}
          />
          s
        </label>
      )}
      <span className="dim2 grow" role="status">
        {isPlanning ? 'The gateways are being asked again…' : does}
      </span>
    </div>
  );
}
