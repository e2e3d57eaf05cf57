'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconPlugConnected } from '@tabler/icons-react';
import { useState } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/call.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';

/** Why a gateway was set aside, and the way out; whoever may decide has the button, and says first that the clone is gone. */
export function SetAside({ gateway: { id, name, tenantId, since, setAsideReason } }: { gateway: Gateway }) {
  const clock = useClock();
  const client = useQueryClient();
  const [isGone, setGone] = useState(false);
  const refusal = useRefusal('gateways.write', [tenantId]);
  const reinstate = useMutation({
    mutationFn: () => call(routes.reinstateGateway, { params: { id } }),
    onSettled: () => void client.invalidateQueries({ queryKey: queries.gateways().queryKey }),
  });
  const blocked = refusal ?? (!isGone ? 'Say first that the other agent is gone.' : reinstate.isPending ? 'It is being reinstated.' : undefined);
  return (
    <section className="note red stack set-aside" aria-label="Set aside">
      <p><b>It was set aside</b> at {clock.full(since)}{setAsideReason && `: ${setAsideReason}`}. Plans leave it out, and no command reaches it, until somebody decides.</p>
      <ol className="dim2">
        <li>Find the clone: most often a copied virtual machine. Stop its agent, and delete the agent’s state folder there.</li>
        <li>Reinstate the gateway. The next agent that connects is then the holder of its identity.</li>
      </ol>
      <p className="dim2">If you cannot tell which of the two is the clone, revoke the gateway and enrol it again: its key is then of no use to anyone.</p>
      <label className="row"><input type="checkbox" checked={isGone} onChange={(event) => setGone(event.currentTarget.checked)} />The other agent is stopped, and its state folder is deleted</label>
      <div><Button kind="danger-line" icon={IconPlugConnected} refusal={blocked} onClick={() => reinstate.mutate()}>Reinstate {name}</Button></div>
      {reinstate.error && <p className="red" role="alert">{reinstate.error.message}</p>}
    </section>
  );
}
