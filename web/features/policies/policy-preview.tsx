'use client';

import type { PolicyWarningView } from '../../../proto/http/effective-policy.ts';
import type { PlannedGateway, PolicyPlan } from '../../../proto/http/policy-plans.ts';
import type { StateKind } from '../../../client/words/state-kind.ts';
import { plannedWords, planSentence } from '../../../client/words/policy-words.ts';
import { count } from '../../../client/words/format.ts';
import { useClock } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';
import { PolicyDifference } from '../policy-rollouts/policy-difference.tsx';
import { GatewayEffects, PlanEffects } from './policy-effects.tsx';

const SEVERITIES: Record<PolicyWarningView['severity'], StateKind> = { danger: 'critical', caution: 'warn', note: 'never' };
/** Of a plan, these are unfolded at first. */
const OPEN = 3;

interface PreviewProps {
  plan: PolicyPlan | undefined;
  error: Error | null;
  isPlanning: boolean;
  /** The document or what it is for has changed since. */
  isOld: boolean;
  onRetry(): void;
}

/** What the policy would change on each gateway, with what is refused there and what a good engineer would say. */
export function PolicyPreview({ plan, error, isPlanning, isOld, onRetry }: PreviewProps) {
  const clock = useClock();
  if (error) return <Failure what="It could not be planned" error={error} onRetry={onRetry} />;
  if (!plan)
    return isPlanning ? (
      <Skeleton lines={6} />
    ) : (
      <p className="dim">Preview asks each gateway in scope that the policy reaches what it is set to now. Nothing is applied.</p>
    );
  return (
    <div className={isOld || isPlanning ? 'stack stale' : 'stack'}>
      <p role="status">
        <b>{planSentence(plan)}</b>.{' '}
        <span className="dim">
          Asked at {clock.seconds(plan.plannedAt)}
          {plan.unreached > 0 && `; it does not reach ${count(plan.unreached)} more in scope`}
          {isOld && '; the policy has changed since'}. Nothing is applied.
        </span>
      </p>
      <PlanEffects plan={plan} />
      {plan.gateways.map((gateway, index) => (
        <GatewayPlan key={gateway.gatewayId} gateway={gateway} isOpen={index < OPEN} />
      ))}
    </div>
  );
}

function GatewayPlan({ gateway, isOpen }: { gateway: PlannedGateway; isOpen: boolean }) {
  const { kind, text } = plannedWords(gateway);
  const { difference, warnings } = gateway;
  return (
    <details className="planned" open={isOpen}>
      <summary>
        <b>{gateway.gatewayName}</b> <span className="dim">{gateway.tenantName}</span> <State kind={kind}>{text}</State>
      </summary>
      {warnings.map((warning) => (
        <p key={`${warning.code}${warning.path}`} className="small warned">
          <State kind={SEVERITIES[warning.severity]}>{warning.message}</State> <span className="dim2">{warning.reason}</span>
        </p>
      ))}
      {difference && <PolicyDifference difference={difference} />}
      <GatewayEffects gateway={gateway} />
      <p className="small">
        <Link className="link" href={`/gateways/${gateway.gatewayId}?view=tracking`}>
          What {gateway.gatewayName} is set to
        </Link>
      </p>
    </details>
  );
}
