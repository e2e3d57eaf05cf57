'use client';

import './remediations.css';
import { useQuery } from '@tanstack/react-query';
import { parseAsString, useQueryStates } from 'nuqs';
import { useState } from 'react';
import type { RemediationDocument } from '../../../proto/http/remediation-document.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { useTenantInScope } from '../../lib/scope.ts';
import { CopyBlock } from '../../ui/copy.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { DEFAULTS, toText } from './document-text.ts';
import { Editor } from './editor.tsx';
import { remediationOfFlush } from './from-flush.ts';
import { Library } from './library.tsx';

/** A new remediation: from the library, from a flush that was run by hand, or from nothing. */
export function NewRemediation() {
  const refusal = useRefusal('remediations.write');
  const [{ from, flush: flushId }] = useQueryStates({ from: parseAsString, flush: parseAsString });
  const library = useQuery({ ...queries.builtInRemediations(), enabled: from !== null && from !== 'nothing' });
  const flush = useQuery({ ...queries.flush(flushId ?? ''), enabled: flushId !== null });
  const { data: me } = useQuery(queries.me());
  const tenant = useTenantInScope();
  if (refusal && me)
    return (
      <>
        <div className="head">
          <h1>New remediation</h1>
        </div>
        <Empty>{refusal}</Empty>
      </>
    );
  if (!from && !flushId) {
    return (
      <>
        <div className="head">
          <h1>Start from what fits best</h1>
          <span className="grow" />
          <Link className="btn" href="/remediations/new?from=nothing">
            Start from nothing
          </Link>
        </div>
        <div className="pad">
          <Library refusal={refusal} />
        </div>
      </>
    );
  }
  const error = library.error ?? flush.error;
  if (error)
    return (
      <>
        <div className="head">
          <h1>New remediation</h1>
        </div>
        <div className="empty">
          <Failure what="There is nothing to start from" error={error} />
        </div>
      </>
    );
  const document = flushId
    ? flush.data && remediationOfFlush(flush.data)
    : from === 'nothing'
      ? DEFAULTS
      : library.data?.find(({ key }) => key === from)?.document;
  if (!me || (!document && (flushId ? !flush.data : from !== 'nothing' && !library.data)))
    return (
      <div className="empty">
        <h1 className="sr">New remediation</h1>
        <Skeleton lines={10} />
      </div>
    );
  if (!document)
    return (
      <>
        <div className="head">
          <h1>New remediation</h1>
        </div>
        <Empty
          action={
            <Link className="btn" href="/remediations/new">
              Open the library
            </Link>
          }
        >
          The library has nothing of this name.
        </Empty>
      </>
    );
  const mayAll = me.grants.some((grant) => grant.tenantId === null);
  const owner =
    flush.data?.tenants.length === 1
      ? flush.data.tenants[0]!.id
      : (tenant?.id ?? (mayAll ? undefined : (me.grants[0]?.tenantId ?? undefined)));
  return (
    <NewEditor
      key={`${from}${flushId}`}
      document={document}
      builtIn={from && from !== 'nothing' ? from : undefined}
      owner={owner}
      isFromFlush={flushId !== null}
    />
  );
}

function NewEditor({
  document,
  builtIn,
  owner,
  isFromFlush,
}: {
  document: RemediationDocument;
  builtIn: string | undefined;
  owner: string | undefined;
  isFromFlush: boolean;
}) {
  const go = useGo();
  const [tenantId, setTenantId] = useState(owner);
  const [secret, setSecret] = useState<{ id: string; text: string; path?: string }>();
  async function save(wanted: RemediationDocument): Promise<void> {
    const made = await call(routes.createRemediation, {
      body: { ...(tenantId && { tenantId }), document: wanted, ...(builtIn && { builtIn }) },
    });
    if (made.hookSecret) setSecret({ id: made.id, text: made.hookSecret, path: made.hookPath });
    else go(`/remediations?at=${made.id}`);
  }
  if (secret) {
    return (
      <>
        <div className="head">
          <h1>Saved. Copy its secret now: it is shown only here</h1>
        </div>
        <div className="pad stack wide">
          <CopyBlock text={secret.text} label="webhook secret" />
          {secret.path && (
            <>
              <h3>Call it at</h3>
              <CopyBlock text={`${window.location.origin}${secret.path}`} label="webhook address" />
            </>
          )}
          <p className="dim2">Calls are signed by Standard Webhooks; docs/remediations.md has the headers.</p>
          <div>
            <Link className="btn" href={`/remediations?at=${secret.id}`}>
              I have it
            </Link>
          </div>
        </div>
      </>
    );
  }
  return (
    <Editor
      title="New remediation"
      start={toText(document)}
      tenantId={tenantId}
      onTenant={setTenantId}
      save={save}
      note={
        isFromFlush ? (
          <p className="pad dim2">
            Trigger, filter and limits follow from the flush: it may touch at most twice as many flows. It begins as an observer.
          </p>
        ) : undefined
      }
    />
  );
}
