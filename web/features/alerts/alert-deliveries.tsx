'use client';

import { useQuery } from '@tanstack/react-query';
import type { Delivery } from '../../../proto/http/receivers.ts';
import type { StateKind } from '../../../client/words/state-kind.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { State } from '../../ui/state.tsx';

const KINDS: Readonly<Record<Delivery['state'], StateKind>> = {
  queued: 'waiting',
  sent: 'ok',
  retrying: 'warn',
  failed: 'failed',
  'left-out': 'never',
};

/** Who was told of an alert, and what was answered; nothing where nobody was. */
export function AlertDeliveries({ alertId }: { alertId: string }) {
  const refusal = useRefusal('receivers.read');
  const clock = useClock();
  const now = useNow(60_000);
  const { data } = useQuery({ ...queries.deliveries(alertId), enabled: refusal === undefined });
  if (!data || data.items.length === 0) return null;
  return (
    <section>
      <div className="sec-head">
        <h2>Who was told</h2>
      </div>
      <ul className="acts alert-acts">
        {data.items.map(({ id, queuedAt, sentAt, reason, address, state, answer }) => (
          <li key={id}>
            <time dateTime={sentAt ?? queuedAt}>{clock.when(sentAt ?? queuedAt, now)}</time>
            <span>
              <State kind={KINDS[state]} isSmall>
                {state}
              </State>{' '}
              {address}, that it was {reason}
              {answer !== undefined && <span className="dim">: {answer}</span>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
