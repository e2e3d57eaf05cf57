'use client';

import { useQuery } from '@tanstack/react-query';
import type { PolicySummary } from '../../../proto/http/saved-policies.ts';
import { count } from '../../../client/words/format.ts';
import { targetWords } from '../../../client/words/policy-words.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import type { useList } from '../../ui/list.tsx';
import { State } from '../../ui/state.tsx';

/** One line for each: what it is for, whom it belongs to, how many gateways it reaches, and who changed it last. */
export function PolicyRows({ policies, row }: { policies: PolicySummary[]; row: ReturnType<typeof useList>['row'] }) {
  const clock = useClock();
  const now = useNow(60_000);
  const { data: tenants } = useQuery(queries.tenants());
  return (
    <div className="pad wide-table">
      <table className="policies">
        <thead>
          <tr>
            <th>Name</th>
            <th>Level</th>
            <th>For</th>
            <th>Of</th>
            <th className="num">Gateways</th>
            <th>Changed</th>
            <th>By</th>
            <th className="num">Revision</th>
          </tr>
        </thead>
        <tbody>
          {policies.map((policy, index) => (
            <tr key={policy.id} {...row(index)} data-colour={tenants?.find(({ id }) => id === policy.tenantId)?.colour ?? 0}>
              <td className="name">
                <Link className="strong" href={`/policies/${policy.id}`}>
                  {policy.name}
                </Link>
              </td>
              <td>{policy.target.level}</td>
              <td>{targetWords(policy)}</td>
              <td>
                <span className="owner">{policy.tenantName ?? 'the installation'}</span>
              </td>
              <td className="num">{count(policy.gateways)}</td>
              <td>
                <time dateTime={policy.changedAt}>{clock.when(policy.changedAt, now)}</time>
              </td>
              <td>
                {policy.managedBy ? (
                  <State kind="protected" isSmall>
                    {policy.managedBy.name} at <span className="mono">{policy.managedBy.revision.slice(0, 12)}</span>
                  </State>
                ) : (
                  policy.changedBy
                )}
              </td>
              <td className="num">{policy.revision}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
