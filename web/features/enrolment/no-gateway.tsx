'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Empty } from '../../ui/feedback.tsx';

/** Shown instead of gateways if none is in scope: the first run if there is none at all, otherwise a link to enrol one here. */
export function NoGateway() {
  const { data: found } = useQuery(queries.gateways({ limit: 1 }));
  if (found?.total)
    return (
      <Empty
        action={
          <Link className="btn" href="/settings">
            Enrol a gateway
          </Link>
        }
      >
        No gateway is in scope. Widen the scope at the top, or enrol one here.
      </Empty>
    );
  return (
    <Empty
      action={
        <Link className="btn primary" href="/first-run">
          Begin
        </Link>
      }
    >
      Nothing is watched yet. A tenant, a site and one command on a Linux gateway, and its table shows here within seconds.
    </Empty>
  );
}
