'use client';

import { useQuery } from '@tanstack/react-query';
import { IconX } from '@tabler/icons-react';
import { useClock } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { count } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { FilterText } from '../flushes/filter-text.tsx';
import { ExactFlows } from '../flushes/exact-flows.tsx';
import { Sentence } from './sentence.tsx';
import { detailLines, OUTCOMES } from '../../../client/words/audit-words.ts';

/** One entry: the decision, every flow it concerns, and its place in the chain. */
export function AuditDetail({ id, onClose }: { id: string; onClose(): void }) {
  const clock = useClock();
  const { data: entry, error } = useQuery(queries.auditEntry(id));
  return (
    <aside className="audit-detail" aria-label="Entry">
      <div className="row">
        <h2 className="grow">{entry ? entry.action : 'Entry'}</h2>
        <Button kind="quiet" icon={IconX} label="Close the entry" onClick={onClose} />
      </div>
      {error && !entry ? (
        <Failure what="This entry could not be read" error={error} />
      ) : !entry ? (
        <Skeleton lines={6} />
      ) : (
        <>
          <p>
            <State kind={OUTCOMES[entry.outcome]}>{entry.outcome}</State>
          </p>
          <p>
            <Sentence entry={entry} />
          </p>
          <dl className="kv">
            <dt>When</dt>
            <dd>
              {clock.full(entry.at)} <span className="dim">{clock.zone}</span>
            </dd>
            <dt>Who</dt>
            <dd>
              {entry.actor.name} <span className="dim">{entry.actor.kind}</span>
            </dd>
            <dt>Tenant</dt>
            <dd>{entry.tenantName ?? 'all tenants'}</dd>
            {entry.gatewayId && (
              <>
                <dt>Gateway</dt>
                <dd>
                  <Link className="link" href={`/gateways/${entry.gatewayId}`}>
                    {entry.gatewayName ?? entry.gatewayId}
                  </Link>
                </dd>
              </>
            )}
            {entry.reason && (
              <>
                <dt>Reason</dt>
                <dd>{entry.reason}</dd>
              </>
            )}
            {entry.ticket && (
              <>
                <dt>Ticket</dt>
                <dd>{entry.ticket}</dd>
              </>
            )}
            {entry.flushId && (
              <>
                <dt>Flush</dt>
                <dd>
                  <Link className="link" href={`/flushes/${entry.flushId}`}>
                    Open the flush
                  </Link>
                </dd>
              </>
            )}
            {detailLines(entry.detail).map(([name, value]) => (
              <DetailLine key={name} name={name} value={value} />
            ))}
          </dl>
          {(entry.planId || entry.flushId) && (
            <section>
              <h2>Flows</h2>
              <ExactFlows of={{ audit: entry.id }} />
            </section>
          )}
          <section className="stack">
            <h2>Chain</h2>
            <p className="dim2">
              Entry {count(entry.seq)} of {entry.tenantName ?? 'the fleet'}. Its hash covers the entry and the hash before it, so none can
              be changed or left out unseen.
            </p>
            <h3>Hash</h3>
            <CopyBlock text={entry.hash} label="hash" />
            <h3>Hash before it</h3>
            <CopyBlock text={entry.previousHash || 'none: this is the first entry'} label="hash before it" />
          </section>
        </>
      )}
    </aside>
  );
}

function DetailLine({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="mono">{name === 'filter' ? <FilterText filter={value} /> : value}</dd>
    </>
  );
}
