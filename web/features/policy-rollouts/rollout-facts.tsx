'use client';

import type { PolicyRollout } from '../../../proto/http/policy-rollouts.ts';
import { setTo, shortHash } from '../../../client/words/format.ts';
import { approvalWords } from '../../../client/words/plan-words.ts';
import { useClock } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';

/** What was rolled out, why, by whom, and the record of it. */
export function RolloutFacts({ rollout }: { rollout: PolicyRollout }) {
  const clock = useClock();
  const { policyId, policyName, policyRevision, reason, ticket, withinSeconds, createdBy, createdAt, approval, digest, notAfter } = rollout;
  return (
    <dl className="kv rollout-facts">
      <dt>Policy</dt>
      <dd>
        {policyId === undefined ? (
          `${policyName}, deleted since`
        ) : (
          <Link className="link" href={`/policies/${policyId}`}>
            {policyName}
          </Link>
        )}{' '}
        <span className="dim">revision {policyRevision}</span>
      </dd>
      <dt>Reason</dt>
      <dd>{reason}</dd>
      <dt>Ticket</dt>
      <dd>{ticket ?? <span className="dim">none</span>}</dd>
      <dt>By</dt>
      <dd>
        {createdBy}, {clock.full(createdAt)} {clock.offset(Date.parse(createdAt))}
      </dd>
      {approval && (
        <>
          <dt>Second person</dt>
          <dd>{approvalWords(approval)}</dd>
        </>
      )}
      <dt>To confirm</dt>
      <dd>within {setTo(withinSeconds)}</dd>
      <dt>Begins by</dt>
      <dd>
        {clock.full(notAfter)} {clock.offset(Date.parse(notAfter))}
      </dd>
      <dt>Plan</dt>
      <dd>
        digest{' '}
        <span className="mono" title={digest}>
          {shortHash(digest)}
        </span>
      </dd>
      <dt>Record</dt>
      <dd>
        <Link className="link" href={`/audit?q=${encodeURIComponent(policyName)}`}>
          Audit entries that name it
        </Link>
      </dd>
    </dl>
  );
}
