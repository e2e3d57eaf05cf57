'use client';

import { useEffect, useRef } from 'react';
import type { Enrolment } from '../../../proto/http/rollouts.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { State } from '../../ui/state.tsx';

const STATES = {
  waiting: ['waiting', 'awaits approval'],
  approved: ['running', 'approved, joins when it asks again'],
  enrolled: ['ok', 'joined'],
  refused: ['failed', 'refused'],
  lapsed: ['never', 'gone'],
} as const;

interface EnrolmentRowProps {
  row: Enrolment;
  isMarked: boolean;
  refusal?: string;
  onApprove(): void;
  onRefuse(): void;
}

/** One gateway of a roll-out. The marked row is the one that keys decide about. */
export function EnrolmentRow({ row, isMarked, refusal, onApprove, onRefuse }: EnrolmentRowProps) {
  const clock = useClock();
  const now = useNow(60_000);
  const line = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (isMarked) line.current?.scrollIntoView({ block: 'nearest' });
  }, [isMarked]);
  const { gatewayName, gatewayId, siteName, hostname, address, fingerprint, state, decidedBy } = row;
  const [kind, word] = STATES[state];
  return (
    <tr ref={line} className={isMarked ? 'marked' : undefined} aria-current={isMarked || undefined}>
      <td>
        {gatewayId === undefined ? (
          gatewayName
        ) : (
          <Link className="link" href={`/gateways/${gatewayId}`}>
            {gatewayName}
          </Link>
        )}
        {hostname !== gatewayName && <span className="dim2"> {hostname}</span>}
      </td>
      <td>{siteName}</td>
      <td className="mono">{address}</td>
      <td className="mono">{fingerprint}</td>
      <td>
        <State kind={kind} isSmall>
          {word}
        </State>
        <span className="dim small">
          {' '}
          {clock.when(row.enrolledAt ?? row.decidedAt ?? row.askedAt, now)}
          {decidedBy !== undefined && ` by ${decidedBy}`}
        </span>
      </td>
      <td className="num">
        {(state === 'waiting' || state === 'refused') && (
          <Button
            size="slim"
            kind={state === 'waiting' ? 'primary' : 'plain'}
            label={`Approve ${gatewayName}`}
            refusal={refusal}
            onClick={onApprove}
          >
            Approve
          </Button>
        )}{' '}
        {(state === 'waiting' || state === 'approved') && (
          <Button size="slim" label={`Refuse ${gatewayName}`} refusal={refusal} onClick={onRefuse}>
            Refuse
          </Button>
        )}
      </td>
    </tr>
  );
}
