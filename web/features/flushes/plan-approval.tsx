'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { Plan } from '../../../proto/http/plans.ts';
import { ACTIONS } from '../../../proto/model/access.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useAddress } from '../../lib/link.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { State } from '../../ui/state.tsx';
import { approvalWords, deleteWords } from '../../../client/words/plan-words.ts';
import { SignApproval } from './sign-approval.tsx';

/** A plan that waits for approval: its maker gets the link to send, whoever may approve gets the button. */
export function PlanApproval({ plan }: { plan: Plan }) {
  const clock = useClock();
  const client = useQueryClient();
  const addressOf = useAddress();
  const { data: me } = useQuery(queries.me());
  const tenantIds = [...new Set(plan.gateways.filter(({ state }) => state === 'ready').map(({ tenantId }) => tenantId))];
  const refusal = useRefusal('plans.approve', tenantIds);
  if (plan.friction !== 'second-person' || plan.state !== 'ready') return null;
  if (plan.approval)
    return (
      <section className="band">
        <h2>Second person</h2>
        <p>
          <State kind="ok">
            {approvalWords(plan.approval)} at {clock.seconds(plan.approval.at)}
          </State>
        </p>
      </section>
    );
  const isMaker = me?.name === plan.createdBy;
  return (
    <section className="band">
      <h2>
        Second person<small>{plan.needsSignature ? 'has to sign with a passkey' : 'needed at this size'}</small>
      </h2>
      <div className="stack">
        {isMaker || refusal ? (
          <>
            <p>
              {isMaker
                ? 'You made this plan, so somebody else has to agree to it'
                : `${plan.createdBy} made this plan and waits for somebody to agree`}
              : any {ACTIONS['plans.approve'].join(', ')} of {tenantIds.length === 1 ? 'this tenant' : 'these tenants'}, signed in. Send
              them this; it shows exactly these flows.
            </p>
            <CopyBlock text={addressOf(`/connections?plan=${plan.id}`)} label="link to this plan" />
            <p className="dim small" role="status">
              Waiting; this page notices by itself.
            </p>
          </>
        ) : (
          <>
            <p>
              <b>{plan.createdBy}</b> asks you to agree. You agree to exactly this list, by its digest; {plan.createdBy} or another operator
              then runs it.
            </p>
            <SignApproval
              planId={plan.id}
              digest={plan.digest}
              needsSignature={plan.needsSignature}
              signed={deleteWords(plan)}
              agreed={`these ${plan.totals.flows} flows`}
              onSuccess={(after) => 'id' in after && client.setQueryData(queries.plan(plan.id).queryKey, after)}
            />
          </>
        )}
      </div>
    </section>
  );
}
