'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryState } from 'nuqs';
import { routes } from '../../../proto/http/routes.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { useTenantInScope } from '../../lib/scope.ts';
import { Empty, Skeleton } from '../../ui/feedback.tsx';
import { AdoptPolicy } from './adopt-policy.tsx';
import { EXAMPLE } from './example.ts';
import { PolicyEditor, type Written } from './policy-editor.tsx';

/** A new policy, which begins as the example: of the tenant in scope, or of the installation; with `adopt`, as a gateway is set to. */
export function NewPolicy() {
  const go = useGo();
  const refusal = useRefusal('policies.write');
  const tenant = useTenantInScope();
  const [adopt] = useQueryState('adopt', parseAsString);
  const { data: me } = useQuery(queries.me());
  const { data: tenants } = useQuery(queries.tenants());
  if (!me || !tenants)
    return (
      <div className="empty">
        <h1 className="sr">New policy</h1>
        <Skeleton lines={10} />
      </div>
    );
  if (refusal)
    return (
      <>
        <div className="head">
          <h1>New policy</h1>
        </div>
        <Empty>{refusal}</Empty>
      </>
    );
  const mayAll = me.grants.some((grant) => grant.tenantId === null);
  const tenantId = tenant?.id ?? (mayAll ? undefined : (me.grants[0]?.tenantId ?? undefined));
  const bodyOf = ({ tenantId: own, target, text }: Written) => ({ ...(own && { tenantId: own }), target, document: text });
  if (adopt) return <AdoptPolicy gatewayId={adopt} />;
  return (
    <PolicyEditor
      title="New policy"
      start={{ text: EXAMPLE, tenantId, target: { level: tenantId ? 'tenant' : 'fleet' } }}
      isTenantFixed={false}
      save={async (written) => {
        const { id } = await call(routes.createPolicy, { body: bodyOf(written) });
        go(`/policies?at=${id}`);
      }}
      preview={(written, { scope }) => call(routes.planNewPolicy, { body: { ...bodyOf(written), scope } })}
    />
  );
}
