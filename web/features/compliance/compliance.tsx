'use client';

import './compliance.css';
import { useQuery } from '@tanstack/react-query';
import { parseAsString, parseAsStringLiteral, useQueryStates } from 'nuqs';
import { COMPLIANCE } from '../../../proto/http/policy-states.ts';
import { complianceSentence, STANDING_ORDER, STANDINGS, type Compliance } from '../../../client/words/compliance-words.ts';
import { count } from '../../../client/words/format.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { State } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { ComplianceRows } from './compliance-rows.tsx';

const PAGE = 100;

/** Is every gateway as its policies have it, and if not, who changed what? */
export function ComplianceOfFleet() {
  const refusal = useRefusal('policies.read');
  const { ids } = useScope();
  const [view, setView] = useQueryStates(
    { compliance: parseAsStringLiteral(COMPLIANCE), policy: parseAsString, at: parseAsString, after: parseAsString },
    { history: 'push' },
  );
  const asked = {
    limit: PAGE,
    ...(ids.tenant && { tenant: ids.tenant }),
    ...(ids.site && { site: ids.site }),
    ...(ids.gateway && { gateway: ids.gateway }),
    ...(view.policy && { policy: view.policy }),
    ...(view.compliance && { compliance: view.compliance }),
    ...(view.after && { cursor: view.after }),
  };
  const { data, error, dataUpdatedAt, isPlaceholderData, refetch } = useQuery({
    ...queries.policyStates(asked),
    enabled: refusal === undefined,
  });
  return (
    <>
      <div className="head">
        <h1>{data ? complianceSentence(data.counts) : 'Compliance'}</h1>
        <span className="grow" />
        <Outdated error={data ? error : null} atMs={dataUpdatedAt} />
        {view.policy && (
          <Button kind="quiet" onClick={() => void setView({ policy: null, after: null })}>
            All policies
          </Button>
        )}
      </div>
      {!data &&
        (refusal && !error ? (
          <Empty>{refusal}</Empty>
        ) : (
          <div className="empty">
            {error ? (
              <Failure
                what="How gateways stand could not be read"
                error={error}
                stillWorks="Gateways keep what is in force."
                onRetry={() => void refetch()}
              />
            ) : (
              <Skeleton lines={8} />
            )}
          </div>
        ))}
      {data && (
        <>
          <Standings
            counts={data.counts}
            chosen={view.compliance}
            onChoose={(compliance) => void setView({ compliance, at: null, after: null })}
          />
          <div className="pad">
            <Unreadable entries={data.unreadable} />
          </div>
          {data.items.length === 0 ? (
            <Empty>{view.compliance ? STANDINGS[view.compliance].word : 'No gateway'}: none here.</Empty>
          ) : (
            <div className={isPlaceholderData ? 'stale' : undefined}>
              <ComplianceRows states={data.items} at={view.at} onAt={(at) => void setView({ at })} />
            </div>
          )}
        </>
      )}
      {(data?.cursor || view.after) && (
        <div className="row pad">
          {data?.cursor && <Button onClick={() => void setView({ after: data.cursor!, at: null })}>Next</Button>}
          {view.after && (
            <Button kind="quiet" onClick={() => void setView({ after: null, at: null })}>
              From the beginning
            </Button>
          )}
        </div>
      )}
    </>
  );
}

interface StandingsProps {
  counts: Partial<Record<Compliance, number>>;
  chosen: Compliance | null;
  onChoose(one: Compliance | null): void;
}

/** The number of gateways in each state; pressing one shows only those. */
function Standings({ counts, chosen, onChoose }: StandingsProps) {
  const all = STANDING_ORDER.reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  return (
    <div className="standings" role="group" aria-label="State">
      <button type="button" aria-pressed={chosen === null} onClick={() => onChoose(null)}>
        <b>{count(all)}</b> all
      </button>
      {STANDING_ORDER.map((one) => (
        <button key={one} type="button" title={STANDINGS[one].means} aria-pressed={chosen === one} onClick={() => onChoose(one)}>
          <State kind={STANDINGS[one].kind} isSmall>
            <b>{count(counts[one] ?? 0)}</b> {STANDINGS[one].word}
          </State>
        </button>
      ))}
    </div>
  );
}
