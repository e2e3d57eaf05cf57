'use client';

import { useMutation } from '@tanstack/react-query';
import { IconPlugConnected } from '@tabler/icons-react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { Joining } from './joining.tsx';

/** For a gateway that cannot come back by itself: one command by which it is the same gateway again. */
export function EnrolAgain({ gateway: { id, name, tenantId, state } }: { gateway: Gateway }) {
  const refusal = useRefusal('enrolment.write', [tenantId]);
  const make = useMutation({ mutationFn: () => call(routes.createReenrolmentToken, { params: { id }, body: {} }) });
  return (
    <details className="note enrol-again" open={state === 'revoked' || undefined} aria-label="Enrol again">
      <summary>{state === 'revoked' ? `Take ${name} back` : `The agent on ${name} lost its state, or is refused`}</summary>
      <div className="stack">
        <p>
          Enrol it again as the same gateway: it keeps its history, tags and remediations. Whatever identity it had before is worth nothing
          afterwards.
        </p>
        <div>
          <Button
            icon={IconPlugConnected}
            refusal={refusal ?? (make.isPending ? 'It is being made.' : undefined)}
            onClick={() => make.mutate()}
          >
            Make the command
          </Button>
        </div>
        {make.error && <Failure what="No token was made" error={make.error} />}
        {make.data && <Joining token={make.data} />}
      </div>
    </details>
  );
}
