'use client';

import { useRefusal } from '../../lib/controller/access.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';

/** Opens the editor with what a gateway is set to now; saving it is the second click. */
export function AdoptLink({ gatewayId, tenantId, isSlim = false }: { gatewayId: string; tenantId: string; isSlim?: boolean }) {
  const refusal = useRefusal('policies.write', [tenantId]);
  if (refusal)
    return (
      <Button size={isSlim ? 'slim' : 'normal'} refusal={refusal}>
        Adopt as policy
      </Button>
    );
  return (
    <Link className={isSlim ? 'btn slim' : 'btn'} href={`/policies/new?adopt=${gatewayId}`}>
      Adopt as policy
    </Link>
  );
}
