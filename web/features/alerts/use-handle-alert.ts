'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';

/** What a person does about an alert. */
export type Handling =
  | { do: 'acknowledge' }
  | { do: 'note'; note: string }
  | { do: 'assign'; personId: string | null }
  | { do: 'silence'; until: string | null };

/** Does it, and reads the alert again with what happened to it. */
export function useHandleAlert(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (handling: Handling) => handle(id, handling),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: queries.alert(id).queryKey });
      void client.invalidateQueries({ queryKey: ['alerts'] });
    },
  });
}

function handle(id: string, handling: Handling) {
  const params = { id };
  switch (handling.do) {
    case 'acknowledge':
      return call(routes.acknowledgeAlert, { params, body: {} });
    case 'note':
      return call(routes.noteAlert, { params, body: { note: handling.note } });
    case 'assign':
      return call(routes.assignAlert, { params, body: { personId: handling.personId } });
    case 'silence':
      return call(routes.silenceAlert, { params, body: { until: handling.until } });
  }
}
