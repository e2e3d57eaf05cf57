'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import { call } from '../../lib/controller/client.ts';

/** Sets values of a gateway again as its policy has them, or leaves them as they are. */
export function useResolveDrift(gatewayId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { paths: string[]; way: 'restore' | 'ignore' }) => call(routes.resolveDrift, { params: { id: gatewayId }, body }),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['policy-states'] });
      void client.invalidateQueries({ queryKey: ['gateway-policy', gatewayId] });
    },
  });
}
