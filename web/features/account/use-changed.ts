'use client';

import { useQueryClient } from '@tanstack/react-query';
import { settleProof } from '../../lib/controller/step-up.ts';

/** After a change of the own account everything is read again: what was refused for want of a second factor may be allowed now. */
export function useChanged(): () => Promise<void> {
  const client = useQueryClient();
  return () => {
    settleProof(true);
    return client.invalidateQueries();
  };
}
