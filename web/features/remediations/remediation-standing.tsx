'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconPlayerPlay, IconUserCheck } from '@tabler/icons-react';
import type { Remediation } from '../../../proto/http/remediations.ts';
import { routes } from '../../../proto/http/routes.ts';
import { ACTIONS } from '../../../proto/model/access.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useAddress } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { State } from '../../ui/state.tsx';

/** Why a remediation that is set to act only suggests, and the button for whoever may change that; or who approved it. */
export function RemediationStanding({ remediation }: { remediation: Remediation }) {
  const clock = useClock();
  const { approval, heldBack } = remediation;
  return (
    <>
      {heldBack && <HeldBack remediation={remediation} heldBack={heldBack} />}
      {approval?.state === 'needed' && <NeedsSecondPerson remediation={remediation} why={approval.why} />}
      {approval?.state === 'given' && (
        <p>
          <State kind="ok">
            {approval.byName} agreed that it acts{approval.at && ` at ${clock.full(approval.at)}`}
          </State>
        </p>
      )}
    </>
  );
}

function NeedsSecondPerson({ remediation: { id, revision, tenantId }, why }: { remediation: Remediation; why: string | undefined }) {
  const addressOf = useAddress();
  const refusal = useRefusal('plans.approve', tenantId ? [tenantId] : []);
  const approve = useChange(id, () => call(routes.approveRemediation, { params: { id }, body: { revision } }));
  return (
    <section className="note amber stack" aria-label="Second person">
      <p>
        <b>It needs a second person</b>
        {why && `: ${why}`}. Until then it only suggests, on every gateway.
      </p>
      {refusal ? (
        <>
          <p>Any {ACTIONS['plans.approve'].join(', ')} who did not save it can agree. Send them this.</p>
          <CopyBlock text={addressOf(`/remediations/${id}`)} label="link to this remediation" />
        </>
      ) : (
        <div className="row">
          <Button
            kind="primary"
            icon={IconUserCheck}
            refusal={approve.isPending ? 'It is being noted.' : undefined}
            onClick={() => approve.mutate()}
          >
            Agree that revision {revision} acts by itself
          </Button>
          <span className="dim">Whoever saved it cannot agree to it.</span>
        </div>
      )}
      {approve.error && (
        <p className="red" role="alert">
          {approve.error.message}
        </p>
      )}
    </section>
  );
}

interface HeldBackProps {
  remediation: Remediation;
  heldBack: NonNullable<Remediation['heldBack']>;
}

function HeldBack({ remediation: { id, revision, tenantId }, heldBack }: HeldBackProps) {
  const clock = useClock();
  const refusal = useRefusal('remediations.write', tenantId ? [tenantId] : []);
  const lift = useChange(id, () => call(routes.updateRemediation, { params: { id }, body: { revision, isEnabled: true } }));
  return (
    <section className="note red stack" aria-label="Held back">
      <p>
        <b>It was held back</b> at {clock.full(heldBack.at)}: {heldBack.why}. It only suggests until somebody has looked and lets it act
        again.
      </p>
      <div className="row">
        <Button
          icon={IconPlayerPlay}
          refusal={refusal ?? (lift.isPending ? 'It is being saved.' : undefined)}
          onClick={() => lift.mutate()}
        >
          Let it act again
        </Button>
      </div>
      {lift.error && (
        <p className="red" role="alert">
          {lift.error.message}
        </p>
      )}
    </section>
  );
}

/** Sends a change of one remediation, and shows its new state. */
function useChange(id: string, change: () => Promise<Remediation>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (after) => client.setQueryData(queries.remediation(id).queryKey, after),
    onSettled: () => void client.invalidateQueries({ queryKey: ['remediations'] }),
  });
}
