'use client';

import './audit.css';
import { useQuery } from '@tanstack/react-query';
import { IconX } from '@tabler/icons-react';
import { createSerializer, parseAsString, useQueryStates } from 'nuqs';
import { useState } from 'react';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { toListScope, useScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { useDraft } from '../../ui/draft.ts';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { count } from '../../../client/words/format.ts';
import { useKept } from '../../ui/kept.ts';
import { useKey } from '../../ui/keys.ts';
import { useList } from '../../ui/list.tsx';
import { Outdated } from '../../ui/outdated.tsx';
import { StateIcon } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { AuditDetail } from './audit-detail.tsx';
import { OUTCOMES } from '../../../client/words/audit-words.ts';
import { ExportMenu } from './export-menu.tsx';
import { Integrity, useVerify, VerifyButton } from './integrity.tsx';
import { Sentence } from './sentence.tsx';

const ACTIONS = [
  'plan.made',
  'plan.approved',
  'flush.started',
  'flush.wave-begun',
  'flush.target-finished',
  'flush.stopped',
  'flush.cancelled',
  'flush.undo-started',
  'flush.result-unknown',
  'remediation.made',
  'remediation.changed',
  'remediation.approved',
  'remediation.held-back',
  'remediation.deleted',
  'remediation.began',
  'remediation.ran',
  'remediation.run-refused',
  'remediation.run-unknown',
  'limits.changed',
  'audit.contradicted',
  'audit.shortened',
  'session.signed-in',
  'session.refused',
  'access.denied',
  'token.made',
  'token.revoked',
  'enrolment.ok',
  'enrolment.refused',
  'enrolment.waiting',
  'enrolment.approved',
  'enrolment.declined',
  'enrolment.token-made',
  'enrolment.token-revoked',
  'rollout.made',
  'rollout.revoked',
  'gateway.changed',
  'gateway.revoked',
  'gateway.set-aside',
  'gateway.reinstated',
  'gateway.certificate-renewed',
  'gateway.refused',
  'gateway.cut',
  'gateway.counted-on',
  'tenant.made',
  'site.made',
] as const;

const PUSHED = { history: 'push' } as const;
const VIEW = {
  q: parseAsString.withDefault('').withOptions(PUSHED),
  action: parseAsString.withDefault('').withOptions(PUSHED),
  flush: parseAsString.withOptions(PUSHED),
  before: parseAsString.withOptions(PUSHED),
  entry: parseAsString,
};
const viewPath = createSerializer(VIEW);

/** Who did what, to which flows, why, and with what result; newest first. */
export function Audit() {
  const { ids } = useScope();
  const refusal = useRefusal('audit.read');
  const [view, setView] = useQueryStates(VIEW);
  const [draft, setDraft] = useDraft(view.q);
  const clock = useClock();
  const now = useNow(60_000);
  const {
    data: newest,
    error,
    isPlaceholderData,
    dataUpdatedAt,
    refetch,
  } = useQuery({
    ...queries.audit({
      limit: 50,
      ...toListScope(ids),
      ...(view.flush && { flush: view.flush }),
      ...(view.action && { action: view.action }),
      ...(view.q && { q: view.q }),
      ...(view.before && { cursor: view.before }),
    }),
    enabled: refusal === undefined,
  });
  const data = useKept(newest);
  const items = data?.items ?? [];
  const [mark, setMark] = useState(0);
  const opened = items.findIndex(({ id }) => id === view.entry);
  const targets = items.map(({ id }) => ({
    path: viewPath('/audit', { ...view, entry: id }),
    open: () => void setView({ entry: id === view.entry ? null : id }),
  }));
  // While an entry is open, the panel follows the mark.
  const { row } = useList(targets, {
    current: opened >= 0 ? opened : mark,
    onCurrent(index) {
      setMark(index);
      if (opened >= 0) void setView({ entry: items[index]!.id });
    },
  });
  const verify = useVerify();
  useKey('escape', () => void setView({ entry: null }));
  useKey('r', () => void refetch());
  if (refusal)
    return (
      <>
        <div className="head">
          <h1>Audit</h1>
        </div>
        <Empty>{refusal}</Empty>
      </>
    );
  const isFiltered = view.q !== '' || view.action !== '' || view.flush !== null;
  return (
    <>
      <div className="head">
        <h1>{view.flush ? 'Evidence of one flush' : items[0] && !isFiltered && !view.before ? `Last: ${items[0].summary}` : 'Audit'}</h1>
        <span className="grow" />
        <ExportMenu tenant={ids.tenant} />
        <VerifyButton verify={verify} />
      </div>
      <Integrity verify={verify} onEntry={(id) => void setView({ entry: id })} />
      <form
        className="row pad audit-filter"
        onSubmit={(event) => {
          event.preventDefault();
          void setView({ q: draft.trim() || null, before: null });
        }}
      >
        <label className="input grow">
          Find
          <input
            value={draft}
            placeholder="words, a ticket, a name"
            onChange={(event) => setDraft(event.currentTarget.value)}
            onBlur={() => void setView({ q: draft.trim() || null, before: null })}
          />
        </label>
        <label className="input">
          About
          <select value={view.action} onChange={(event) => void setView({ action: event.currentTarget.value || null, before: null })}>
            <option value="">everything</option>
            {ACTIONS.map((action) => (
              <option key={action}>{action}</option>
            ))}
          </select>
        </label>
        {isFiltered && (
          <Button kind="quiet" icon={IconX} onClick={() => void setView({ q: null, action: null, flush: null, before: null })}>
            Clear
          </Button>
        )}
        <Outdated error={error && data ? error : null} atMs={dataUpdatedAt || undefined} />
      </form>
      <div className={`audit-cols ${view.entry ? 'has-panel' : ''}`}>
        <section aria-label="Entries">
          {data?.unreadable && (
            <div className="pad">
              <Unreadable entries={data.unreadable} />
            </div>
          )}
          {error && !data ? (
            <div className="empty">
              <Failure
                what="The audit could not be read"
                error={error}
                stillWorks="Entries are still written."
                onRetry={() => void refetch()}
              />
            </div>
          ) : !data ? (
            <div className="empty">
              <Skeleton lines={10} />
            </div>
          ) : items.length === 0 && !data.unreadable ? (
            <Empty
              action={isFiltered && <Button onClick={() => void setView({ q: null, action: null, flush: null })}>Show everything</Button>}
            >
              {isFiltered ? 'No entry fits.' : 'Nothing has been decided yet; every sign-in, plan and flush will be here.'}
            </Empty>
          ) : (
            <ul className={`acts audit-list ${isPlaceholderData || error ? 'stale' : ''}`}>
              {items.map((entry, index) => (
                <li key={entry.id} {...row(index)} data-open={entry.id === view.entry}>
                  <time dateTime={entry.at} title={clock.full(entry.at)}>
                    {clock.when(entry.at, now)}
                  </time>
                  <StateIcon kind={OUTCOMES[entry.outcome]} word={entry.outcome} isSmall />
                  <Link
                    className="sentence"
                    href={targets[index]!.path}
                    open={targets[index]!.open}
                    aria-expanded={entry.id === view.entry}
                  >
                    <Sentence entry={entry} />
                    {entry.ticket && <span className="dim"> · ticket {entry.ticket}</span>}
                  </Link>
                  <span className="dim nowrap">{entry.tenantName ?? 'all tenants'}</span>
                  <span className="dim mono num">#{count(entry.seq)}</span>
                </li>
              ))}
            </ul>
          )}
          {data?.cursor && (
            <div className="row pad audit-more">
              <Button onClick={() => void setView({ before: data.cursor!, entry: null })}>Older</Button>
              {view.before && (
                <Button kind="quiet" onClick={() => void setView({ before: null })}>
                  Newest
                </Button>
              )}
            </div>
          )}
          {!data?.cursor && view.before && (
            <div className="row pad audit-more">
              <Button kind="quiet" onClick={() => void setView({ before: null })}>
                Newest
              </Button>
            </div>
          )}
        </section>
        {view.entry && <AuditDetail id={view.entry} onClose={() => void setView({ entry: null })} />}
      </div>
    </>
  );
}
