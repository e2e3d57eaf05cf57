'use client';

import './remediations.css';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { useHotkeys } from 'react-hotkeys-hook';
import type { RemediationDocument } from '../../../proto/http/remediation-document.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { ControllerError } from '../../../client/problem.ts';
import * as queries from '../../lib/controller/queries.ts';
import { useGo } from '../../lib/link.tsx';
import { useUnsaved } from '../../lib/unsaved.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { placeIn, readText, withField, type TextProblem } from './document-text.ts';
import { EditorCheck } from './editor-check.tsx';
import type { Form } from './editor-fields.tsx';
import { EditorForm } from './editor-form.tsx';
import { YamlPane } from './yaml-pane.tsx';

interface EditorProps {
  title: ReactNode;
  /** The initial text. */
  start: string;
  tenantId: string | undefined;
  /** Chooses the tenant; absent if it is fixed. */
  onTenant?(id: string | undefined): void;
  /** Saves; the error of a rejection is shown. */
  save(document: RemediationDocument): Promise<unknown>;
  /** What to show when somebody else has saved first. */
  conflict?(document: RemediationDocument | undefined): ReactNode;
  actions?: ReactNode;
  note?: ReactNode;
}

/** Form and YAML side by side over one text, with what it would do beside them. Ctrl-Enter saves. */
export function Editor({ title, start, tenantId, onTenant, save, conflict, actions, note }: EditorProps) {
  const go = useGo();
  const client = useQueryClient();
  const [text, setText] = useState(start);
  const [settled] = useDebouncedValue(text, 400);
  const reading = useMemo(() => readText(text), [text]);
  const lastRaw = useLast(reading.syntax ? undefined : reading.raw);
  const refusal = useRefusal('remediations.write', tenantId ? [tenantId] : []);
  const asked = useMemo(() => readText(settled).document, [settled]);
  const check = useQuery({
    ...queries.remediationCheck({ ...(tenantId && { tenantId }), document: asked! }),
    enabled: asked !== undefined,
  });
  const isChecked = text === settled && !check.isFetching && reading.document !== undefined;
  const problems: TextProblem[] = reading.syntax
    ? [reading.syntax]
    : reading.document
      ? (isChecked || !check.data ? (check.data?.problems ?? []) : []).map((one) => ({ ...one, ...placeIn(text, one.path) }))
      : reading.problems;
  const saving = useMutation({ mutationFn: save, onSettled: () => void client.invalidateQueries({ queryKey: ['remediations'] }) });
  useUnsaved(text !== start && !saving.isPending && !saving.isSuccess);
  const form: Form = {
    raw: lastRaw,
    isOff: reading.syntax !== undefined,
    problems,
    set: (path, value) => setText((before) => withField(before, path, value)),
    setAll: (changes) => setText((before) => changes.reduce((sum, [path, value]) => withField(sum, path, value), before)),
  };
  const blocked =
    refusal ??
    (reading.syntax
      ? 'The YAML does not parse.'
      : problems.length > 0
        ? `${problems[0]!.path}: ${problems[0]!.message}`
        : saving.isPending
          ? 'It is being saved.'
          : undefined);
  const submit = () => {
    if (!blocked && reading.document) saving.mutate(reading.document);
  };
  useHotkeys('mod+enter', submit, { enableOnFormTags: true, preventDefault: true }, [submit]);
  const isConflict = saving.error instanceof ControllerError && saving.error.code === 'ALREADY_EXISTS' && conflict !== undefined;
  return (
    <>
      <div className="head">
        <h1>{title}</h1>
        <span className="grow" />
        {actions}
        <Button onClick={() => go('/remediations')}>Back to the list</Button>
        <Button kind="primary" keys="Ctrl ↵" refusal={blocked} onClick={submit}>
          {saving.isPending ? 'Saving…' : 'Save'}
        </Button>
      </div>
      {note}
      {saving.error && (
        <div className="pad">
          {isConflict ? (
            <div className="note amber stack" role="alert">
              <p>{saving.error.message}</p>
              <div className="row">{conflict(reading.document)}</div>
            </div>
          ) : (
            <Failure what="It was not saved" error={saving.error} />
          )}
        </div>
      )}
      <div className="editor">
        <section aria-label="Form">
          <EditorForm form={form} tenantId={tenantId} onTenant={onTenant} />
        </section>
        <section aria-label="YAML" className="yaml">
          <YamlPane text={text} problems={problems} onText={setText} />
        </section>
        <section aria-label="What it would do">
          <EditorCheck document={asked} check={check.data} error={check.error} isWorking={!isChecked && asked !== undefined} />
        </section>
      </div>
    </>
  );
}

/** The last value that was not undefined. */
function useLast(value: unknown): unknown {
  const [last, setLast] = useState(value);
  if (value !== undefined && value !== last) setLast(value);
  return value ?? last;
}
