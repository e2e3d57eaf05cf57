'use client';

import './audit.css';
import { useQuery } from '@tanstack/react-query';
import { IconX } from '@tabler/icons-react';
import { parseAsString, useQueryStates } from 'nuqs';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { toListScope, useScope } from '../../lib/scope.ts';
import { Button } from '../../ui/button.tsx';
import { useDraft } from '../../ui/draft.ts';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { count } from '../../ui/format.ts';
import { useKey } from '../../ui/keys.ts';
import { StateIcon } from '../../ui/state.tsx';
import { Unreadable } from '../../ui/unreadable.tsx';
import { AuditDetail } from './audit-detail.tsx';
import { OUTCOMES } from './audit-words.ts';
import { ExportMenu } from './export-menu.tsx';
import { Integrity, useVerify, VerifyButton } from './integrity.tsx';
import { Sentence } from './sentence.tsx';

const ACTIONS = [
  'plan.made', 'plan.approved', 'flush.started', 'flush.wave-begun', 'flush.target-finished', 'flush.stopped', 'flush.cancelled', 'flush.undo-started', 'flush.result-unknown',
  'remediation.made', 'remediation.changed', 'remediation.approved', 'remediation.held-back', 'remediation.deleted', 'remediation.began', 'remediation.ran', 'remediation.run-refused', 'remediation.run-unknown', 'limits.changed',
  'audit.contradicted', 'audit.shortened', 'session.signed-in', 'session.refused', 'access.denied', 'token.made', 'token.revoked', 'enrolment.ok', 'enrolment.refused', 'enrolment.token-made', 'enrolment.token-revoked', 'gateway.changed', 'gateway.revoked',
  'gateway.set-aside', 'gateway.reinstated', 'gateway.refused', 'gateway.cut', 'gateway.counted-on', 'tenant.made', 'site.made',
] as const;

/** Who did what, to which flows, why, and with what result; newest first. */
export function Audit() {
  const { ids } = useScope();
  const refusal = useRefusal('audit.read');
  const [view, setView] = useQueryStates({ q: parseAsString.withDefault(''), action: parseAsString.withDefault(''), flush: parseAsString, entry: parseAsString, before: parseAsString });
  const [draft, setDraft] = useDraft(view.q);
  const clock = useClock();
  const now = useNow(60_000);
  const { data, error, isPlaceholderData, refetch } = useQuery({
    ...queries.audit({ limit: 50, ...toListScope(ids), ...(view.flush && { flush: view.flush }), ...(view.action && { action: view.action }), ...(view.q && { q: view.q }), ...(view.before && { cursor: view.before }) }),
    enabled: refusal === undefined,
  });
  const items = data?.items ?? [];
  const at = items.findIndex(({ id }) => id === view.entry);
  const open = (index: number) => { const entry = items[Math.min(items.length - 1, Math.max(0, index))]; if (entry) void setView({ entry: entry.id }); };
  const verify = useVerify();
  useKey('j', () => open(at + 1));
  useKey('k', () => open(at - 1));
  useKey('escape', () => void setView({ entry: null }));
  useKey('r', () => void refetch());
  if (refusal) return <><div className="head"><h1>Audit</h1></div><Empty>{refusal}</Empty></>;
  const isFiltered = view.q !== '' || view.action !== '' || view.flush !== null;
  return <>
    <div className="head"><h1>{view.flush ? 'Evidence of one flush' : items[0] && !isFiltered && !view.before ? `Last: ${items[0].summary}` : 'Audit'}</h1><span className="grow" /><ExportMenu tenant={ids.tenant} /><VerifyButton verify={verify} /></div>
    <Integrity verify={verify} onEntry={(id) => void setView({ entry: id })} />
    <form className="row pad audit-filter" onSubmit={(event) => { event.preventDefault(); void setView({ q: draft.trim() || null, before: null }); }}>
      <label className="input grow">Find<input value={draft} placeholder="words, a ticket, a name" onChange={(event) => setDraft(event.currentTarget.value)} onBlur={() => void setView({ q: draft.trim() || null, before: null })} /></label>
      <label className="input">About<select value={view.action} onChange={(event) => void setView({ action: event.currentTarget.value || null, before: null })}><option value="">everything</option>{ACTIONS.map((action) => <option key={action}>{action}</option>)}</select></label>
      {isFiltered && <Button kind="quiet" icon={IconX} onClick={() => void setView({ q: null, action: null, flush: null, before: null })}>Clear</Button>}
    </form>
    <div className={`audit-cols ${view.entry ? 'has-panel' : ''}`}>
      <section aria-label="Entries">
        {data?.unreadable && <div className="pad"><Unreadable entries={data.unreadable} /></div>}
        {error && !data ? <div className="empty"><Failure what="The audit could not be read" error={error} stillWorks="Entries are still written." onRetry={() => void refetch()} /></div> : !data ? <div className="empty"><Skeleton lines={10} /></div>
          : items.length === 0 && !data.unreadable ? <Empty action={isFiltered && <Button onClick={() => void setView({ q: null, action: null, flush: null })}>Show everything</Button>}>{isFiltered ? 'No entry fits.' : 'Nothing has been decided yet; every sign-in, plan and flush will be here.'}</Empty>
            : <ul className={`acts audit-list ${isPlaceholderData ? 'stale' : ''}`}>{items.map((entry) => (
                <li key={entry.id} className={entry.id === view.entry ? 'open' : ''}>
                  <time dateTime={entry.at} title={clock.full(entry.at)}>{clock.when(entry.at, now)}</time><StateIcon kind={OUTCOMES[entry.outcome]} word={entry.outcome} isSmall />
                  <button type="button" className="sentence" aria-pressed={entry.id === view.entry} onClick={() => void setView({ entry: entry.id === view.entry ? null : entry.id })}><Sentence entry={entry} />{entry.ticket && <span className="dim"> · ticket {entry.ticket}</span>}</button>
                  <span className="dim nowrap">{entry.tenantName ?? 'all tenants'}</span><span className="dim mono num">#{count(entry.seq)}</span>
                </li>
              ))}</ul>}
        {data?.cursor && <div className="row pad audit-more"><Button onClick={() => void setView({ before: data.cursor!, entry: null })}>Older</Button>{view.before && <Button kind="quiet" onClick={() => void setView({ before: null })}>Newest</Button>}</div>}
        {!data?.cursor && view.before && <div className="row pad audit-more"><Button kind="quiet" onClick={() => void setView({ before: null })}>Newest</Button></div>}
      </section>
      {view.entry && <AuditDetail id={view.entry} onClose={() => void setView({ entry: null })} />}
    </div>
  </>;
}
