'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconArrowBackUp, IconPlayerStopFilled } from '@tabler/icons-react';
import type { PolicyRollout } from '../../../proto/http/policy-rollouts.ts';
import { routes } from '../../../proto/http/routes.ts';
import { counted } from '../../../client/words/format.ts';
import { isOpen } from '../../../client/words/policy-rollout-words.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { useKey } from '../../ui/keys.ts';

/** What can be done about a roll-out: cancel it while it is open, undo it afterwards. */
export function RolloutActions({ rollout }: { rollout: PolicyRollout }) {
  return isOpen(rollout) ? <Cancel rollout={rollout} /> : <Undo rollout={rollout} />;
}

function Cancel({ rollout: { id, state, tenants } }: { rollout: PolicyRollout }) {
  const client = useQueryClient();
  const refusal = useRefusal(
    'policies.apply',
    tenants.map((tenant) => tenant.id),
  );
  const cancel = useMutation({
    mutationFn: () => call(routes.cancelPolicyRollout, { params: { id } }),
    onSuccess: (after) => client.setQueryData(queries.policyRollout(id).queryKey, after),
  });
  const isPressed = cancel.isPending || cancel.isSuccess;
  const press = () => {
    if (!refusal && !isPressed) cancel.mutate();
  };
  useKey('c', press);
  return (
    <div className="num flush-actions">
      <Button
        size="large"
        kind="danger-line"
        icon={IconPlayerStopFilled}
        keys="c"
        onClick={press}
        refusal={refusal ?? (isPressed ? 'It is being cancelled.' : undefined)}
      >
        {isPressed ? 'Cancelling…' : 'Cancel roll-out'}
      </Button>
      <p className="dim small">
        {state === 'running'
          ? 'Nothing more begins, and gateways put back what nobody has confirmed. What is confirmed stays.'
          : 'Nothing has begun yet.'}
      </p>
      <Wrong error={cancel.error} />
    </div>
  );
}

function Undo({ rollout: { id, kind, tenants, totals, isUndoable, undoneBy } }: { rollout: PolicyRollout }) {
  const go = useGo();
  const refusal = useRefusal(
    'policies.apply',
    tenants.map((tenant) => tenant.id),
  );
  const undo = useMutation({
    mutationFn: () => call(routes.undoPolicyRollout, { params: { id } }),
    onSuccess: ({ rolloutId }) => go(`/policy-rollouts/${rolloutId}`),
  });
  if (undoneBy !== undefined)
    return (
      <div className="num flush-actions">
        <Link className="btn" href={`/policy-rollouts/${undoneBy}`}>
          Undone: see what was taken back
        </Link>
      </div>
    );
  if (!isUndoable || kind === 'undo') return null;
  return (
    <div className="num flush-actions">
      <Button icon={IconArrowBackUp} onClick={() => undo.mutate()} refusal={refusal ?? (undo.isPending ? 'It is being begun.' : undefined)}>
        Undo on {counted(totals.confirmed ?? 0, 'gateway')}
      </Button>
      <p className="dim small">Takes it back where it still is, in the same waves, and each gateway has to be heard again as before.</p>
      <Wrong error={undo.error} />
    </div>
  );
}

function Wrong({ error }: { error: Error | null }) {
  return (
    error && (
      <p className="red small" role="alert">
        {error.message}
      </p>
    )
  );
}
