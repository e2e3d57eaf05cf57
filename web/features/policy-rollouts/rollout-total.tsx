import type { PolicyRollout } from '../../../proto/http/policy-rollouts.ts';
import { count } from '../../../client/words/format.ts';
import { gatewaysOf, rolloutSegments } from '../../../client/words/policy-rollout-words.ts';

/** The gateways as one bar, split by state. */
export function RolloutTotal({ rollout }: { rollout: PolicyRollout }) {
  const parts = rolloutSegments(rollout);
  return (
    <div className="pad">
      <div
        className="total"
        role="progressbar"
        aria-label="Gateways confirmed"
        aria-valuemin={0}
        aria-valuemax={gatewaysOf(rollout)}
        aria-valuenow={rollout.totals.confirmed ?? 0}
      >
        {parts.map(({ name, gateways, tone }) => (
          <i key={name} className={tone} style={{ flex: `${gateways} 0 4px` }} />
        ))}
      </div>
      <ul className="legend">
        {parts.map(({ name, gateways, tone }) => (
          <li key={name}>
            <i className={tone} />
            <b>{count(gateways)}</b> {name}
          </li>
        ))}
      </ul>
    </div>
  );
}
