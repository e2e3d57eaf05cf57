'use client';

import './remediations.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { RemediationDocument } from '../../../proto/http/remediation-document.ts';
import type { Remediation } from '../../../proto/http/remediations.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { toText } from './document-text.ts';
import { Editor } from './editor.tsx';
import { RemediationStanding } from './remediation-standing.tsx';

/** One remediation in the editor. What somebody else saved in the meantime is shown, never silently overwritten. */
export function EditRemediation({ id }: { id: string }) {
  const refusal = useRefusal('remediations.read');
  const { data, error, refetch } = useQuery({ ...queries.remediation(id), enabled: refusal === undefined, refetchOnMount: 'always' });
  const [edited, setEdited] = useState<Remediation>();
  const { data: me } = useQuery(queries.me());
  if (refusal && me)
    return (
      <>
        <div className="head">
          <h1>Remediation</h1>
        </div>
        <Empty>{refusal}</Empty>
      </>
    );
  if (error && !data)
    return (
      <>
        <div className="head">
          <h1>Remediation</h1>
        </div>
        <div className="empty">
          <Failure what="This remediation could not be read" error={error} onRetry={() => void refetch()} />
        </div>
      </>
    );
  if (!data)
    return (
      <div className="empty">
        <h1 className="sr">Remediation</h1>
        <Skeleton lines={10} />
      </div>
    );
  const shown = edited ?? data;
  return (
    <EditorOf
      key={`${shown.id}.${shown.revision}`}
      remediation={shown}
      onNewest={async () => {
        const { data: newest } = await refetch();
        setEdited(newest);
        return newest;
      }}
    />
  );
}

function EditorOf({ remediation, onNewest }: { remediation: Remediation; onNewest(): Promise<Remediation | undefined> }) {
  const go = useGo();
  const client = useQueryClient();
  const clock = useClock();
  const { id, revision, document, tenantId, createdBy, updatedAt, hookPath } = remediation;
  const write = async (wanted: RemediationDocument, seen: number) => {
    client.setQueryData(
      queries.remediation(id).queryKey,
      await call(routes.updateRemediation, { params: { id }, body: { revision: seen, document: wanted } }),
    );
    go(`/remediations?at=${id}`);
  };
  const writeOver = useMutation({
    mutationFn: async (wanted: RemediationDocument) => {
      const newest = await call(routes.getRemediation, { params: { id } });
      await write(wanted, newest.revision);
    },
  });
  return (
    <Editor
      title={document.name}
      start={toText(document)}
      tenantId={tenantId}
      save={(wanted) => write(wanted, revision)}
      actions={
        <>
          <Link className="btn" href={`/remediations/runs?remediation=${id}`}>
            History
          </Link>
          <DeleteButton id={id} tenantId={tenantId} />
        </>
      }
      conflict={(mine) => (
        <>
          <Button onClick={() => void onNewest()}>Take theirs</Button>
          <Button
            kind="danger-line"
            refusal={mine ? undefined : 'Yours is not right yet.'}
            onClick={() => {
              if (mine) writeOver.mutate(mine);
            }}
          >
            Save mine over it
          </Button>
          {writeOver.error && <span className="red">{writeOver.error.message}</span>}
        </>
      )}
      note={
        <div className="pad stack">
          <RemediationStanding remediation={remediation} />
          <p className="dim">
            Revision {revision}, by {createdBy}, last changed {clock.full(updatedAt)}. Gateways take a change within seconds, those offline
            when they come back.
          </p>
          {hookPath && <CopyBlock text={hookPath} label="webhook path" />}
        </div>
      }
    />
  );
}

/** Deletes it after a second press; its runs stay. */
function DeleteButton({ id, tenantId }: { id: string; tenantId: string | undefined }) {
  const go = useGo();
  const client = useQueryClient();
  const refusal = useRefusal('remediations.write', tenantId ? [tenantId] : []);
  const [isSure, setSure] = useState(false);
  const remove = useMutation({
    mutationFn: () => call(routes.deleteRemediation, { params: { id } }),
    onSuccess() {
      void client.invalidateQueries({ queryKey: ['remediations'] });
      go('/remediations');
    },
  });
  return (
    <>
      {remove.error && <span className="red">{remove.error.message}</span>}
      <Button kind={isSure ? 'danger' : 'danger-line'} refusal={refusal} onClick={() => (isSure ? remove.mutate() : setSure(true))}>
        {isSure ? 'Delete it; its runs stay' : 'Delete'}
      </Button>
    </>
  );
}
