'use client';

import './remediations.css';
import { useQuery } from '@tanstack/react-query';
import type { Gateway } from '../../../proto/http/fleet.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { RunList } from './run-list.tsx';

/** Recent runs of remediations on one gateway. */
export function RecentRuns({ gateway }: { gateway: Gateway }) {
  const refusal = useRefusal('remediations.read', [gateway.tenantId]);
  const { data, error } = useQuery({ ...queries.remediationRuns({ gateway: gateway.id, limit: 6 }), enabled: refusal === undefined });
  return (
    <>
      <div className="sec-head">
        <h2>Remediations here</h2>
        <span className="grow" />
        {data && data.items.length > 0 && (
          <Link className="link" href={`/remediations/runs?gateway=${gateway.id}`}>
            All runs
          </Link>
        )}
      </div>
      {refusal ? (
        <p className="dim small">{refusal}</p>
      ) : error && !data ? (
        <Failure what="The runs could not be read" error={error} />
      ) : (
        <RunList runs={data?.items} unreadable={data?.unreadable} none="None has run on this gateway." />
      )}
    </>
  );
}
