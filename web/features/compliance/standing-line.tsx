'use client';

import './compliance.css';
import { useQuery } from '@tanstack/react-query';
import type { PolicyState } from '../../../proto/http/policy-states.ts';
import { driftWords, STANDINGS } from '../../../client/words/compliance-words.ts';
import { useClock } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { State } from '../../ui/state.tsx';
import { AdoptLink } from './adopt-link.tsx';

/** How one gateway stands to its policies, in one line: state, what is in force since when, drift, and the way to adopt it. */
export function StandingLine({ gatewayId, tenantId }: { gatewayId: string; tenantId: string }) {
  const { data, error } = useQuery(queries.policyStates({ gateway: gatewayId, limit: 1 }));
  const state = data?.items[0];
  return (
    <div className="row standing-line">
      {state ? (
        <Standing state={state} />
      ) : (
        <span className="dim">{error ? `How it stands to its policies could not be read. ${error.message}` : 'Policies'}</span>
      )}
      <span className="grow" />
      <AdoptLink gatewayId={gatewayId} tenantId={tenantId} isSlim />
    </div>
  );
}

function Standing({ state }: { state: PolicyState }) {
  const clock = useClock();
  const { compliance, gatewayId, inForce, pending, reason } = state;
  const { kind, word, means } = STANDINGS[compliance];
  const drift = driftWords(state);
  const at = (time: string) => `${clock.full(time)} ${clock.offset(Date.parse(time))}`;
  return (
    <>
      <State kind={kind}>
        <span title={means}>{word}</span>
      </State>
      {inForce && (
        <span>
          {inForce.rolloutId === undefined ? (
            <b>{inForce.policy}</b>
          ) : (
            <Link className="link" href={`/policy-rollouts/${inForce.rolloutId}`}>
              {inForce.policy}
            </Link>
          )}{' '}
          <span className="dim">in force since {at(inForce.since)}</span>
        </span>
      )}
      {pending && (
        <span className="dim">
          {pending.policy} waits to be confirmed until {at(pending.until)}
        </span>
      )}
      {drift && (
        <Link className="link" href={`/policies/compliance?at=${gatewayId}`}>
          {drift}
        </Link>
      )}
      {reason && !drift && <span className="dim2">{reason}</span>}
    </>
  );
}
