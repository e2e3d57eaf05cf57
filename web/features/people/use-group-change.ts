'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { z } from 'zod';
import type { updateGroup } from '../../../proto/http/groups.ts';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';

/** Reads again whatever a change of a group may have changed: whose roles are whose. */
export function useReadAgain(): () => Promise<unknown> {
  const client = useQueryClient();
  return () => Promise.all(['groups', 'people', 'me'].map((key) => client.invalidateQueries({ queryKey: [key] })));
}

/** Changes a group as it was shown: refused if somebody else has changed it since, and then it is read again. */
export function useGroupChange({ id, revision }: { id: string; revision: number }) {
  return useMutation({
    mutationFn: (change: Omit<z.input<typeof updateGroup.body>, 'revision'>) =>
      call(routes.updateGroup, { params: { id }, body: { revision, ...change } }),
    onSettled: useReadAgain(),
  });
}
