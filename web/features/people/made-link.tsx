'use client';

import type { z } from 'zod';
import type { signInLink } from '../../../proto/http/people.ts';
import { useClock } from '../../lib/clock.tsx';
import { CopyBlock } from '../../ui/copy.tsx';

/** A link that was sent, or one to hand over: whoever opens it first becomes that person. */
export function MadeLink({ name, made: { link, expiresAt } }: { name: string; made: z.output<typeof signInLink> }) {
  const clock = useClock();
  if (link === undefined || expiresAt === undefined)
    return (
      <p className="note" aria-live="polite">
        A link is on its way to <b>{name}</b> by mail, and is shown to nobody else. It works once, within three days.
      </p>
    );
  return (
    <div className="note stack" aria-live="polite">
      <p>
        Send this to <b>{name}</b> and to nobody else. It works once, until {clock.full(expiresAt)} ({clock.zone}), and is shown only here.
      </p>
      <CopyBlock text={link} label="link" />
    </div>
  );
}
