import type { Plan } from '../../../proto/http/plans.ts';
import { ReasonFields } from './reason-fields.tsx';

const FRICTION: Record<Plan['friction'], string> = { none: 'few flows on one gateway: one button', 'count-in-button': 'the number is in the button', 'type-count': 'type the number', 'second-person': 'a second person agrees' };

/** How it runs, and why it is done. */
export function PlanSafety({ plan, ...fields }: { plan: Plan; reason: string; ticket: string; onReason(text: string): void; onTicket(text: string): void; onEnter(): void }) {
  return (
    <section className="band"><h2>Safety<small>how it runs</small></h2>
      <div className="stack wide">
        <dl className="rules">
          <div><dt>Only these</dt><dd>each by kernel id and tuple</dd></div>
          <div><dt>Verify</dt><dd>looked up again afterwards</dd></div>
          <div><dt>Confirm</dt><dd>{FRICTION[plan.friction]}</dd></div>
          <div><dt>Protected</dt><dd>guard on the gateway</dd></div>
        </dl>
        <ReasonFields {...fields} />
      </div>
    </section>
  );
}
