'use client';

import { useQuery } from '@tanstack/react-query';
import type { z } from 'zod';
import type { createEnrolmentToken } from '../../../proto/http/enrolment.ts';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { minutesAndSeconds } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';

export type MadeToken = z.output<typeof createEnrolmentToken.response>;

/** The gateway that joined with this token, as soon as there is one, and whether the token was used. */
export function useJoined(tokenId: string | undefined): { isUsed: boolean; gateway: Gateway | undefined } {
  const { data: tokens } = useQuery({ ...queries.enrolmentTokens(), refetchInterval: 3000, enabled: tokenId !== undefined });
  const token = tokens?.items.find(({ id }) => id === tokenId);
  const isUsed = token?.state === 'used';
  const { data: gateway } = useQuery({
    ...queries.gateway(token?.gatewayId ?? ''),
    refetchInterval: 2000,
    enabled: isUsed && token.gatewayId !== undefined,
  });
  return { isUsed, gateway: isUsed ? gateway : undefined };
}

/** The command that turns a machine into a gateway, and its steps as they happen. */
export function Joining({ token: { id, command, expiresAt, gatewayName } }: { token: MadeToken }) {
  const now = useNow();
  const { isUsed, gateway } = useJoined(id);
  const left = now === undefined ? undefined : (Date.parse(expiresAt) - now) / 1000;
  const steps: [string, boolean][] = [
    ['Token used', isUsed],
    ['Certificate signed', gateway !== undefined],
    ['Link up', gateway?.state === 'online'],
    ['First sample', gateway?.usage !== undefined],
    ['Capabilities known', gateway?.capabilities !== undefined],
  ];
  return (
    <div className="note stack" aria-live="polite">
      <p>
        Run this on <b>{gatewayName}</b> as root. The token works once
        {left !== undefined &&
          !isUsed &&
          (left > 0 ? (
            <>, for another {minutesAndSeconds(left)}</>
          ) : (
            <>
              ; <span className="red">it has expired, make another</span>
            </>
          ))}
        . It is shown only here.
      </p>
      <CopyBlock text={command} label="enrolment command" />
      <ul className="row steps">
        {steps.map(([text, isDone]) => (
          <li key={text}>
            <State kind={isDone ? 'ok' : 'waiting'} isSmall>
              {text}
            </State>
          </li>
        ))}
      </ul>
      {gateway && (
        <p>
          <Link className="link" href={`/gateways/${gateway.id}`}>
            Open {gateway.name}
          </Link>
        </p>
      )}
    </div>
  );
}
