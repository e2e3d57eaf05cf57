'use client';

import { useClock, useNow } from '../lib/clock.tsx';
import { lasting } from '../../client/words/format.ts';
import { State } from './state.tsx';

/** Says that the content could not be refreshed: how old it is, and why. Renders nothing if the last refresh worked. */
export function Outdated({ error, atMs }: { error: Error | null; atMs: number | undefined }) {
  const now = useNow(5000);
  const clock = useClock();
  if (!error) return null;
  const age = atMs && now !== undefined ? `of ${clock.seconds(atMs)}, ${lasting(Math.max(0, now - atMs) / 1000)} ago` : 'of before';
  return (
    <span className="outdated" role="status" title={error.message}>
      <State kind="warn" isSmall>
        Not refreshed; this is {age}
      </State>{' '}
      <span className="dim2">{error.message}</span>
    </span>
  );
}
