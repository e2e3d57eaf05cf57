'use client';

import './policies.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import type { Policy, PolicyTarget } from '../../../proto/http/saved-policies.ts';
import { ControllerError } from '../../../client/problem.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Skeleton } from '../../ui/feedback.tsx';
import { RolloutsOfPolicy } from '../policy-rollouts/rollouts-of-policy.tsx';
import { ManagedNote } from './managed-note.tsx';
import { PolicyEditor, type Written } from './policy-editor.tsx';
import { PolicyRevisions } from './policy-revisions.tsx';

/** One policy. What somebody else saved in the meantime is shown, never silently overwritten. */
export function EditPolicy({ id }: { id: string }) {
  const refusal = useRefusal('policies.read');
  const { data: me } = useQuery(queries.me());
  const { data, error, refetch } = useQuery({ ...queries.policy(id), enabled: refusal === undefined, refetchOnMount: 'always' });
  const [edited, setEdited] = useState<Policy>();
  const shown = edited ?? data;
  if (!shown)
    return (
      <>
        <div className="head">
          <h1>Policy</h1>
        </div>
        {refusal && me ? (
          <Empty>{refusal}</Empty>
        ) : (
          <div className="empty">
            {error ? (
              <Failure what="This policy could not be read" error={error} onRetry={() => void refetch()} />
            ) : (
              <Skeleton lines={10} />
            )}
          </div>
        )}
      </>
    );
  const newest = async () => setEdited((await refetch()).data);
  return <EditorOf key={`${shown.id}.${shown.revision}`} policy={shown} onNewest={newest} />;
}

function EditorOf({ policy, onNewest }: { policy: Policy; onNewest(): Promise<void> }) {
  const go = useGo();
  const client = useQueryClient();
  const clock = useClock();
  const { id, revision, name, tenantId, document, changedBy, changedAt, managedBy } = policy;
  const start: Written = { text: document, tenantId, target: toTarget(policy) };
  const [newer, setNewer] = useState<number>();
  const write = async ({ text, target }: Written, seen: number) => {
    const changed = await call(routes.updatePolicy, { params: { id }, body: { revision: seen, document: text, target } });
    client.setQueryData(queries.policy(id).queryKey, changed);
    void client.invalidateQueries({ queryKey: ['policy-revisions', id] });
    go(`/policies?at=${id}`);
  };
  const save = async (written: Written) => {
    setNewer(undefined);
    await write(written, revision).catch(async (error: unknown) => {
      // A name that another policy has is refused with the same code.
      if (error instanceof ControllerError && error.code === 'ALREADY_EXISTS') {
        const now = await call(routes.getPolicy, { params: { id } });
        if (now.revision !== revision) setNewer(now.revision);
      }
      throw error;
    });
  };
  return (
    <PolicyEditor
      title={name}
      policyId={id}
      start={start}
      isTenantFixed
      readOnlyBecause={managedBy && `The pipeline ${managedBy.name} applies it from a file. Change that file, or take the policy over.`}
      save={save}
      preview={({ text, target }, { scope, isSaved }) =>
        call(routes.planPolicy, { params: { id }, body: { scope, ...(!isSaved && { document: text, target }) } })
      }
      actions={<DeleteButton policy={policy} />}
      conflict={
        newer === undefined
          ? undefined
          : (again) => (
              <div className="note amber stack">
                <p>Somebody else has saved revision {newer} since.</p>
                <div className="row">
                  <Button onClick={() => void onNewest()}>Take theirs</Button>
                  <Button kind="danger-line" onClick={() => again((written) => write(written, newer))}>
                    Save mine over it
                  </Button>
                </div>
              </div>
            )
      }
      note={
        <div className="pad stack">
          {managedBy && <ManagedNote policy={policy} onTaken={onNewest} />}
          <p className="dim">
            Revision {revision}, last changed {clock.full(changedAt)} by {changedBy}.
          </p>
        </div>
      }
    >
      <RolloutsOfPolicy policyId={id} />
      <div className="sec-head">
        <h2>Revisions</h2>
        <span className="dim">newest first, with what each changed</span>
      </div>
      <PolicyRevisions id={id} />
    </PolicyEditor>
  );
}

function toTarget({ target: { level, tag = '', siteId = '', gatewayId = '' } }: Policy): PolicyTarget {
  switch (level) {
    case 'tag':
      return { level, tag };
    case 'site':
      return { level, siteId };
    case 'gateway':
      return { level, gatewayId };
    default:
      return { level };
  }
}

/** Deletes it after a second press. */
function DeleteButton({ policy: { id, tenantId, managedBy } }: { policy: Policy }) {
  const go = useGo();
  const client = useQueryClient();
  const refusal = useRefusal('policies.write', tenantId ? [tenantId] : 'all');
  const [isSure, setSure] = useState(false);
  const remove = useMutation({
    mutationFn: () => call(routes.deletePolicy, { params: { id } }),
    onSuccess() {
      void client.invalidateQueries({ queryKey: ['policies'] });
      go('/policies');
    },
  });
  return (
    <>
      {remove.error && <span className="red">{remove.error.message}</span>}
      <Button
        kind={isSure ? 'danger' : 'danger-line'}
        refusal={refusal ?? (managedBy && 'Take it over from its pipeline first.')}
        onClick={() => (isSure ? remove.mutate() : setSure(true))}
      >
        {isSure ? 'Delete it with its revisions' : 'Delete'}
      </Button>
    </>
  );
}
