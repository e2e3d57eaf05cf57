'use client';

import './policies.css';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useHotkeys } from 'react-hotkeys-hook';
import type { PolicyPlan } from '../../../proto/http/policy-plans.ts';
import type { Scope } from '../../../proto/http/scope.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { useGo } from '../../lib/link.tsx';
import { useScope } from '../../lib/scope.ts';
import { useUnsaved } from '../../lib/unsaved.ts';
import { Button, Segments } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { RollOutForm } from '../policy-rollouts/roll-out-form.tsx';
import { PolicyForm } from './form/policy-form.tsx';
import { usePolicyForm } from './form/use-policy-form.ts';
import { PolicyPreview } from './policy-preview.tsx';
import { PolicyTargetFields, type Place } from './policy-target.tsx';
import { PolicyText } from './policy-text.tsx';
import { useGatewaysFor } from './use-gateways-for.ts';

const SAVE_FIRST = 'Save first: what is rolled out is the policy as it is saved, so that everybody sees what is in force.';

export interface Written extends Place {
  text: string;
}

type Saving = (written: Written) => Promise<unknown>;

interface EditorProps {
  title: string;
  /** Absent while it is not saved. */
  policyId?: string;
  start: Written;
  isTenantFixed: boolean;
  /** Why nothing can be changed here; the text is then to be read only. */
  readOnlyBecause?: string;
  save: Saving;
  /** `isSaved`: with what is written as it is saved. */
  preview(written: Written, asked: { scope: Scope; isSaved: boolean }): Promise<PolicyPlan>;
  actions?: ReactNode;
  note?: ReactNode;
  /** Shown instead of the error when somebody else has saved first; `again` saves in another way. */
  conflict?(again: (save: Saving) => void): ReactNode;
  children?: ReactNode;
}

/**
 * The document as a form and as YAML, which are one text, and what it is for; beside them what it would change on gateways, and its way
 * there. Ctrl-Enter saves.
 */
export function PolicyEditor({
  title,
  policyId,
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
  const [tab, setTab] = useState<'form' | 'yaml'>('form');
  const { scope } = useScope();
  const refusal = useRefusal('policies.write', written.tenantId ? [written.tenantId] : 'all');
  const readRefusal = useRefusal('policies.read', written.tenantId ? [written.tenantId] : 'all');
  const isReadOnly = readOnlyBecause !== undefined || refusal !== undefined;
  const onText = (text: string) => setWritten((before) => ({ ...before, text }));
  const { form, problems } = usePolicyForm({ text: written.text, onText, isReadOnly });
  const gateways = useGatewaysFor(written);
  const isSaved = policyId !== undefined && JSON.stringify(written) === JSON.stringify(start);
  const planning = useMutation({
    mutationFn: async () => ({ of: written, scope, isSaved, plan: await preview(written, { scope, isSaved }) }),
  });
  const saving = useMutation({
    mutationFn: (how: Saving) => how(written),
    onSettled: () => void client.invalidateQueries({ queryKey: ['policies'] }),
  });
  useUnsaved(JSON.stringify(written) !== JSON.stringify(start) && !saving.isPending && !saving.isSuccess);
  const [field, draft] = [...form.wrong].find(([, { isDraft }]) => isDraft) ?? [];
  const wrong = problems.length > 0 ? `Line ${problems[0]!.line}: ${problems[0]!.message}; ${problems[0]!.cure}.` : undefined;
  const unwritten = draft && `${field?.replace(/^spec\./, '')}: ${draft.why}.`;
  const saveRefusal = readOnlyBecause ?? refusal ?? wrong ?? unwritten ?? (saving.isPending ? 'It is being saved.' : undefined);
  const planRefusal = readRefusal ?? wrong ?? (planning.isPending ? 'Gateways are being asked.' : undefined);
  const submit = () => {
    if (!saveRefusal) saving.mutate(save);
  };
  const plan = () => {
    if (!planRefusal) planning.mutate();
  };
  const options = { enableOnFormTags: true, preventDefault: true };
  // There it presses the button of the roll-out.
  const isInRollOut = ({ target }: KeyboardEvent) => target instanceof Element && target.closest('.roll-out') !== null;
  useHotkeys('mod+enter', submit, { ...options, ignoreEventWhen: isInRollOut }, [submit]);
  useHotkeys('mod+shift+enter', plan, options, [plan]);
  const planned = planning.data;
  const isOld = planned !== undefined && (planned.of !== written || JSON.stringify(planned.scope) !== JSON.stringify(scope));
  const rollOutRefusal = !isSaved
    ? SAVE_FIRST
    : isOld || !planned?.isSaved
      ? 'Preview it again: policy or scope have changed since.'
      : planning.isPending
        ? 'Gateways are being asked.'
        : undefined;
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
      <div className="editor-bar">
        <PolicyTargetFields
          tenantId={written.tenantId}
          target={written.target}
          isTenantFixed={isTenantFixed}
          isReadOnly={isReadOnly}
          onPlace={(place) => setWritten({ ...written, ...place })}
        />
        <Segments
          label="Written as"
          value={tab}
          onChange={setTab}
          options={[
            { value: 'form', text: 'Form' },
            { value: 'yaml', text: 'YAML' },
          ]}
        />
      </div>
      <div className="policy-editor" data-tab={tab}>
        <section aria-label="Form">
          <PolicyForm form={form} gateways={gateways} />
        </section>
        <section aria-label="Document">
          <PolicyText text={written.text} problems={problems} isReadOnly={isReadOnly} onText={onText} />
        </section>
        <section aria-label="On gateways">
          <div className="sec-head">
            <h2>On gateways</h2>
            <span className="grow" />
            <Button keys="Ctrl Shift ↵" size="slim" refusal={planRefusal} onClick={plan}>
              Preview on gateways
            </Button>
          </div>
          <div>
            <PolicyPreview plan={planned?.plan} error={planning.error} isPlanning={planning.isPending} isOld={isOld} onRetry={plan} />
            {planned && planned.plan.gateways.length > 0 && !planning.error && (
              <RollOutForm policyId={policyId} plan={planned.plan} scope={planned.scope} refusal={rollOutRefusal} />
            )}
          </div>
          {children}
        </section>
      </div>
    </>
  );
}
