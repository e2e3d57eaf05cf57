'use client';

import type { z } from 'zod';
import type { signInLink } from '../../../proto/http/people.ts';
import { useClock } from '../../lib/clock.tsx';
import { CopyBlock } from '../../ui/copy.tsx';

/** A link to hand over: whoever opens it first becomes that person. */
export function MadeLink({ name, made: { link, expiresAt } }: { name: string; made: z.output<typeof signInLink> }) {
  const clock = useClock();
  return (
    <div className="note stack" aria-live="polite">
      <p>
        Send this to <b>{name}</b> and to nobody else. It works once, until {clock.full(expiresAt)} ({clock.zone}), and is shown only here.
      </p>
      <CopyBlock text={link} label="link" />
    </div>
  );
}
