'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconBan, IconPlugConnected } from '@tabler/icons-react';
import { useState } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';

/** What a person may know about the two agents, and what follows from it. */
const DECISIONS = {
  reinstate: {
    route: routes.reinstateGateway,
    icon: IconPlugConnected,
    verb: 'Reinstate',
    known: 'The other agent is stopped, and its state folder is deleted',
    outcome: 'the next agent that connects holds the identity',
  },
  revoke: {
    route: routes.revokeGateway,
    icon: IconBan,
    verb: 'Revoke',
    known: 'Nobody can tell which of the two is the clone',
    outcome: 'the key is of no more use to anyone; enrol the gateway again',
  },
} as const;
type Decision = keyof typeof DECISIONS;

/** Why a gateway was set aside, and the two ways out; the person deciding first states what happened to the clone. */
export function SetAside({ gateway: { id, name, tenantId, since, setAsideReason } }: { gateway: Gateway }) {
  const clock = useClock();
  const client = useQueryClient();
  const [chosen, setChosen] = useState<Decision>();
  const refusal = useRefusal('gateways.write', [tenantId]);
  const decide = useMutation({
    mutationFn: (decision: Decision) => call(DECISIONS[decision].route, { params: { id } }),
    onSettled: () => void client.invalidateQueries({ queryKey: queries.gateway(id).queryKey }),
  });
  const { verb, icon } = DECISIONS[chosen ?? 'reinstate'];
  const isReady = chosen !== undefined && !decide.isPending;
  const waiting = chosen ? 'It is being done.' : 'Say first what became of the other agent.';
  const press = () => {
    if (chosen) decide.mutate(chosen);
  };
  return (
    <section className="note red stack set-aside" aria-label="Set aside">
      <p>
        <b>It was set aside</b> at {clock.full(since)}
        {setAsideReason && `: ${setAsideReason}`}. Plans leave it out, and no command reaches it, until somebody decides.
      </p>
      <p className="dim2">
        Find the other agent: most often it is on a copied virtual machine. Stop it, and delete its state folder there.
      </p>
      <fieldset className="stack">
        <legend className="sr">What became of the other agent</legend>
        {(Object.keys(DECISIONS) as Decision[]).map((decision) => (
          <label key={decision} className="row">
            <input type="radio" name="set-aside" checked={chosen === decision} onChange={() => setChosen(decision)} />
            <span>
              {DECISIONS[decision].known}
              <span className="dim">: {DECISIONS[decision].outcome}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <div>
        <Button kind="danger-line" icon={icon} refusal={refusal ?? (isReady ? undefined : waiting)} onClick={press}>
          {verb} {name}
        </Button>
      </div>
      {decide.error && (
        <p className="red" role="alert">
          {decide.error.message}
        </p>
      )}
    </section>
  );
}
