'use client';

import { useNow } from '../../lib/clock.tsx';
import { useLive } from '../../lib/controller/live.tsx';
import type { StreamState } from '../../../client/subscribe.ts';
import { lasting } from '../../../client/words/format.ts';

/** Whether the page is live, and since when it is not. */
export function StreamIndicator() {
  const { stream } = useLive();
  const now = useNow();
  const { tone, word, detail } = describe(stream, now);
  return (
    <span
      className="topitem"
      role="status"
      aria-label={`Live updates: ${word}`}
      title={stream.kind === 'refused' ? stream.error.message : undefined}
    >
      <span className={`dot ${tone}`} />
      {word}{' '}
      <span className="dim" aria-hidden>
        {detail}
      </span>
    </span>
  );
}

function describe(stream: StreamState, now: number | undefined): { tone: string; word: string; detail?: string } {
  switch (stream.kind) {
    case 'connecting':
      return { tone: 'amber', word: 'Connecting' };
    case 'live':
      return { tone: '', word: 'Live', detail: now === undefined ? undefined : lasting(Math.max(0, now - stream.lastAtMs) / 1000) };
    case 'waiting':
      return {
        tone: 'amber',
        word: 'Reconnecting',
        detail: now === undefined ? undefined : `in ${lasting(Math.max(0, stream.retryAtMs - now) / 1000)}`,
      };
    case 'refused':
      return { tone: 'red', word: 'Not live' };
  }
}
