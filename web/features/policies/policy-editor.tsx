'use client';

import './policies.css';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useHotkeys } from 'react-hotkeys-hook';
import type { PolicyPlan } from '../../../proto/http/policy-plans.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { useUnsaved } from '../../lib/unsaved.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { PolicyPreview } from './policy-preview.tsx';
import { PolicyTargetFields, type Place } from './policy-target.tsx';
import { PolicyText } from './policy-text.tsx';

const CHECK_AFTER_MS = 300;

export interface Written extends Place {
  text: string;
}

type Saving = (written: Written) => Promise<unknown>;

interface EditorProps {
  title: string;
  start: Written;
  isTenantFixed: boolean;
  /** Why nothing can be changed here; the text is then to be read only. */
  readOnlyBecause?: string;
  save: Saving;
  preview(written: Written): Promise<PolicyPlan>;
  actions?: ReactNode;
  note?: ReactNode;
  /** Shown instead of the error when somebody else has saved first; `again` saves in another way. */
  conflict?(again: (save: Saving) => void): ReactNode;
  children?: ReactNode;
}

/** The document and what it is for, with its mistakes beside its lines, and what it would change on gateways. Ctrl-Enter saves. */
export function PolicyEditor({
  title,
  start,
  isTenantFixed,
  readOnlyBecause,
  save,
  preview,
  actions,
  note,
  conflict,
  children,
}: EditorProps) {
  const go = useGo();
  const client = useQueryClient();
  const [written, setWritten] = useState(start);
  const [settled] = useDebouncedValue(written, CHECK_AFTER_MS);
  const refusal = useRefusal('policies.write', written.tenantId ? [written.tenantId] : 'all');
  const readRefusal = useRefusal('policies.read', written.tenantId ? [written.tenantId] : 'all');
  const check = useQuery({
    ...queries.policyCheck({ ...(settled.tenantId && { tenantId: settled.tenantId }), target: settled.target, document: settled.text }),
    enabled: readRefusal === undefined,
  });
  const problems = check.data?.problems ?? [];
  const planning = useMutation({ mutationFn: async () => ({ of: written, plan: await preview(written) }) });
  const saving = useMutation({
    mutationFn: (how: Saving) => how(written),
    onSettled: () => void client.invalidateQueries({ queryKey: ['policies'] }),
  });
  useUnsaved(JSON.stringify(written) !== JSON.stringify(start) && !saving.isPending && !saving.isSuccess);
  const isReadOnly = readOnlyBecause !== undefined || refusal !== undefined;
  const wrong = problems.length > 0 ? `Line ${problems[0]!.line}: ${problems[0]!.message}; ${problems[0]!.cure}.` : undefined;
  const saveRefusal = readOnlyBecause ?? refusal ?? wrong ?? (saving.isPending ? 'It is being saved.' : undefined);
  const planRefusal = readRefusal ?? wrong ?? (planning.isPending ? 'Gateways are being asked.' : undefined);
  const submit = () => {
    if (!saveRefusal) saving.mutate(save);
  };
  const plan = () => {
    if (!planRefusal) planning.mutate();
  };
  const options = { enableOnFormTags: true, preventDefault: true };
  useHotkeys('mod+enter', submit, options, [submit]);
  useHotkeys('mod+shift+enter', plan, options, [plan]);
  return (
    <>
      <div className="head">
        <h1>{title}</h1>
        <span className="grow" />
        {actions}
        <Button onClick={() => go('/policies')}>Back to the list</Button>
        <Button kind="primary" keys="Ctrl ↵" refusal={saveRefusal} onClick={submit}>
          {saving.isPending ? 'Saving…' : 'Save'}
        </Button>
      </div>
      {note}
      {saving.error && (
        <div className="pad" role="alert">
          {conflict?.((how) => saving.mutate(how)) ?? <Failure what="It was not saved" error={saving.error} />}
        </div>
      )}
      <div className="policy-editor">
        <section aria-label="Document">
          <PolicyTargetFields
            tenantId={written.tenantId}
            target={written.target}
            isTenantFixed={isTenantFixed}
            isReadOnly={isReadOnly}
            onPlace={(place) => setWritten({ ...written, ...place })}
          />
          <PolicyText
            text={written.text}
            problems={problems}
            isReadOnly={isReadOnly}
            onText={(text) => setWritten((before) => ({ ...before, text }))}
          />
          {check.error && <Failure what="It could not be checked" error={check.error} stillWorks="Saving checks it too." />}
        </section>
        <section aria-label="On gateways">
          <div className="sec-head">
            <h2>On gateways</h2>
            <span className="grow" />
            <Button keys="Ctrl Shift ↵" size="slim" refusal={planRefusal} onClick={plan}>
              Preview on gateways
            </Button>
          </div>
          <PolicyPreview
            plan={planning.data?.plan}
            error={planning.error}
            isPlanning={planning.isPending}
            isOld={planning.data !== undefined && planning.data.of !== written}
            onRetry={plan}
          />
          {children}
        </section>
      </div>
    </>
  );
}
