'use client';

import './wan-events.css';
import type { WanEventHead } from '../../../proto/http/wan-events.ts';
import { wanEventSentence } from '../../../proto/model/wan-event.ts';
import type { StateKind } from '../../../client/words/state-kind.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { State } from '../../ui/state.tsx';

const KINDS: Readonly<Record<WanEventHead['state'], StateKind>> = {
  seen: 'waiting',
  open: 'critical',
  'being-fixed': 'running',
  healed: 'ok',
  closed: 'ok',
  flapping: 'warn',
};

/** A failover in its one sentence, in the reader's zone, the same wherever it is told. */
export function WanEventLine({ event }: { event: WanEventHead }) {
  const clock = useClock();
  const now = useNow(60_000);
  return (
    <span className="wan-event">
      <State kind={KINDS[event.state]} isSmall>
        <span>{wanEventSentence(event, (at) => clock.when(at, now))}</span>
      </State>
    </span>
  );
}
