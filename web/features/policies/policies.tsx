'use client';

import './policies.css';
import { useQuery } from '@tanstack/react-query';
import { IconPlus } from '@tabler/icons-react';
import { parseAsString, useQueryState } from 'nuqs';
import { counted } from '../../../client/words/format.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { useTenantInScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKey } from '../../ui/keys.ts';
import { useList } from '../../ui/list.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { EXAMPLE } from './example.ts';
import { PolicyRows } from './policy-rows.tsx';

/** How are gateways to track, and where is that decided? */
export function Policies() {
  const go = useGo();
  const tenant = useTenantInScope();
  const refusal = useRefusal('policies.read');
  const writeRefusal = useRefusal('policies.write');
  const { data: page, error, dataUpdatedAt, refetch } = useQuery({ ...queries.policies(), enabled: refusal === undefined });
  const [at, setAt] = useQueryState('at', parseAsString);
  const shown = page?.items.filter(({ tenantId }) => !tenant || tenantId === undefined || tenantId === tenant.id) ?? [];
  const current = Math.max(
    0,
    shown.findIndex(({ id }) => id === at),
  );
  const { row } = useList(
    shown.map(({ id }) => ({ path: `/policies/${id}` })),
    { current, onCurrent: (index) => void setAt(shown[index]!.id) },
  );
  useKey('n', () => {
    if (!writeRefusal) go('/policies/new');
  });
  if (!page)
    return (
      <>
        <div className="head">
          <h1>Policies</h1>
        </div>
        {refusal && !error ? (
          <Empty>{refusal}</Empty>
        ) : (
          <div className="empty">
            {error ? (
              <Failure
                what="The policies could not be read"
                error={error}
                stillWorks="Gateways go on as they are."
                onRetry={() => void refetch()}
              />
            ) : (
              <Skeleton lines={8} />
            )}
          </div>
        )}
      </>
    );
  return (
    <>
      <div className="head">
        <h1>{shown.length === 0 ? 'No policy yet' : counted(shown.length, 'policy', 'policies')}</h1>
        <span className="grow" />
        <Outdated error={error} atMs={dataUpdatedAt} />
        <Button icon={IconPlus} kind="primary" keys="n" refusal={writeRefusal} onClick={() => go('/policies/new')}>
          New policy
        </Button>
      </div>
      {page.unreadable && (
        <div className="pad">
          <Unreadable entries={page.unreadable} />
        </div>
      )}
      {shown.length === 0 ? <NoPolicy canWrite={writeRefusal === undefined} /> : <PolicyRows policies={shown} row={row} />}
    </>
  );
}

function NoPolicy({ canWrite }: { canWrite: boolean }) {
  return (
    <div className="pad stack wide no-policy">
      <p className="dim2">
        A policy says how gateways are to track connections: the size of the table, timeouts, helpers, and rules for some of the traffic.
        What it does not mention stays as each gateway has it. It is for all gateways, a tenant, a tag, a site or one gateway; what is
        narrower comes first.
      </p>
      <pre className="code">{EXAMPLE}</pre>
      {canWrite && (
        <div>
          <Link className="btn" href="/policies/new">
            Begin with this example
          </Link>
        </div>
      )}
    </div>
  );
}
