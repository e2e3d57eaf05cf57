'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { PolicyRollout } from '../../../proto/http/policy-rollouts.ts';
import { ACTIONS } from '../../../proto/model/access.ts';
import { counted } from '../../../client/words/format.ts';
import { gatewaysOf, rollOutWords } from '../../../client/words/policy-rollout-words.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useAddress } from '../../lib/link.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { SignApproval } from '../flushes/sign-approval.tsx';

/** A roll-out that waits for a second person: its maker gets the link to send, whoever may approve gets the button. */
export function RolloutApproval({ rollout }: { rollout: PolicyRollout }) {
  const client = useQueryClient();
  const addressOf = useAddress();
  const { data: me } = useQuery(queries.me());
  const { id, planId, digest, state, createdBy, needsApproval, needsSignature, policyName, tenants } = rollout;
  const refusal = useRefusal(
    'plans.approve',
    tenants.map((tenant) => tenant.id),
  );
  if (state !== 'awaiting-approval') return null;
  const isMaker = me?.name === createdBy;
  return (
    <section className="pad stack awaits" aria-label="Second person">
      <h2>A second person is needed</h2>
      <p className="note amber">
        {needsApproval} {needsSignature && 'It has to be signed with a passkey.'}
      </p>
      {isMaker || refusal ? (
        <>
          <p>
            {isMaker
              ? 'You asked for this roll-out, so somebody else has to agree to it'
              : `${createdBy} asked for this roll-out and waits for somebody to agree`}
            : any {ACTIONS['plans.approve'].join(', ')} of {tenants.length === 1 ? 'this tenant' : 'these tenants'}, signed in. Send them
            this page; nothing begins before.
          </p>
          <CopyBlock text={addressOf(`/policy-rollouts/${id}`)} label="link to this roll-out" />
          <p className="dim small" role="status">
            Waiting; this page notices by itself.
          </p>
        </>
      ) : (
        <>
          <p>
            <b>{createdBy}</b> asks you to agree. You agree to exactly these changes, by their digest; it then begins by itself.
          </p>
          <SignApproval
            planId={planId}
            digest={digest}
            needsSignature={needsSignature}
            signed={`${rollOutWords(gatewaysOf(rollout))}: “${policyName}”`}
            agreed={counted(gatewaysOf(rollout), 'gateway')}
            onSuccess={() => void client.invalidateQueries({ queryKey: queries.policyRollout(id).queryKey })}
          />
        </>
      )}
    </section>
  );
}
