'use client';

import { useQuery } from '@tanstack/react-query';
import type { Scope } from '../../../proto/http/scope.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { count, counted } from '../../../client/words/format.ts';
import { ReasonFields } from './reason-fields.tsx';

interface WholeTableProps {
  /** Of a page: at most one tenant, site and gateway. */
  scope: Scope;
  reason: string;
  ticket: string;
  isWorking: boolean;
  onReason(text: string): void;
  onTicket(text: string): void;
  onPlan(): void;
}

const MAX_NAMES = 6;

/** What to consider before ending every connection; the plan follows, and its number has to be typed. */
export function WholeTable({ scope, reason, ticket, isWorking, onReason, onTicket, onPlan }: WholeTableProps) {
  const { data } = useQuery(
    queries.gateways({ tenant: scope.tenants?.[0], site: scope.sites?.[0], gateway: scope.gateways?.[0], limit: MAX_NAMES }),
  );
  const { items: touched, total } = data ?? { items: [], total: 0 };
  return (
    <>
      <section className="band">
        <h2>
          Target<small>whole tables</small>
        </h2>
        <div className="stack">
          <p>
            Every tracked session on <b>{counted(total, 'gateway')}</b> would end at once: {touched.map(({ name }) => name).join(', ')}
            {total > touched.length && ` and ${count(total - touched.length)} more`}. People who are working now would notice.
          </p>
          <p className="note amber">
            After a failed WAN, deleting what is bound to the old external address is enough, and leaves everyone else alone: filter by that
            address or by <span className="mono">wan:</span> and delete all that match.
          </p>
        </div>
      </section>
      <section className="band">
        <h2>
          Weigh it<small>good practice</small>
        </h2>
        <div className="three two-of-three">
          <div>
            <h3>End a session if</h3>
            <ul className="bullets">
              <li>it has been idle or expired for a long time</li>
              <li>something on it looks malicious</li>
              <li>it hangs and keeps new flows from starting</li>
              <li>troubleshooting needs it gone</li>
            </ul>
          </div>
          <div>
            <h3>Leave it alone if</h3>
            <ul className="bullets">
              <li>it is active and behaves normally</li>
              <li>a critical service depends on it</li>
              <li>the trouble looks temporary and may pass by itself</li>
            </ul>
          </div>
        </div>
      </section>
      <section className="band">
        <h2>
          Reason<small>the audit keeps it</small>
        </h2>
        <div className="stack wide">
          <ReasonFields reason={reason} ticket={ticket} onReason={onReason} onTicket={onTicket} onEnter={onPlan} />
          <div className="row">
            <Button
              kind="danger-line"
              onClick={onPlan}
              refusal={
                isWorking
                  ? 'The gateways are being asked.'
                  : reason.trim() === ''
                    ? 'Give a reason first.'
                    : total === 0
                      ? 'No gateway is in scope.'
                      : undefined
              }
            >
              {isWorking ? 'Counting…' : 'Count what would go…'}
            </Button>
            <span className="dim">Nothing is deleted yet.</span>
          </div>
        </div>
      </section>
    </>
  );
}
