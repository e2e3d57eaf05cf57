'use client';

import type { ReactNode } from 'react';
import { METHODS } from '../../../client/words/method-words.ts';
import { fieldIn } from './document-text.ts';
import { CheckField, ChoiceField, NumberField, TextField, type Form } from './editor-fields.tsx';
import { EditorScope } from './editor-scope.tsx';
import { EditorTrigger } from './editor-trigger.tsx';
import { MODES } from '../../../client/words/remediation-words.ts';
import { isAboutWan, TRIGGER_KINDS } from '../../../proto/model/triggers.ts';

/** The document as a form, in order of execution. */
export function EditorForm({
  form,
  tenantId,
  onTenant,
}: {
  form: Form;
  tenantId: string | undefined;
  onTenant?(id: string | undefined): void;
}) {
  const mode = fieldIn(form.raw, 'mode');
  const method = fieldIn(form.raw, 'method');
  const trigger = String(fieldIn(form.raw, 'trigger.kind'));
  const hasWan = TRIGGER_KINDS.some((kind) => kind === trigger && isAboutWan(kind));
  const chosen = METHODS.find(({ value }) => value === method);
  return (
    <>
      <Part title="What" small="name and mode">
        <TextField form={form} path="name" label="Name" width="100%" />
        <fieldset className="modes" disabled={form.isOff}>
          <legend className="sr">Mode</legend>
          {Object.entries(MODES).map(([value, { word, means }]) => (
            <label key={value} className={mode === value ? 'on' : ''}>
              <input type="radio" name="mode" checked={mode === value} onChange={() => form.set('mode', value)} />
              <b>{word}</b>
              <span className="dim small">{means}</span>
            </label>
          ))}
        </fieldset>
      </Part>
      <Part title="Where" small="which gateways">
        <EditorScope form={form} tenantId={tenantId} onTenant={onTenant} />
      </Part>
      <Part title="When" small="trigger and conditions">
        <EditorTrigger form={form} kind={trigger} />
        <div className="fields">
          <NumberField form={form} path="conditions.settledSeconds" label="Held for" unit="s" />
          {hasWan && <NumberField form={form} path="conditions.mostFlapsAnHour" label="Most flaps an hour" width={190} />}
        </div>
        {hasWan && <CheckField form={form} path="conditions.healthyTarget" label="Only if another WAN is up, answers, and has the route" />}
      </Part>
      <Part title="Which flows" small="and how they end">
        <TextField
          form={form}
          path="filter"
          label="Filter"
          width="100%"
          isMono
          hint={
            hasWan ? (
              <>
                <span className="mono">$wan</span> and <span className="mono">$address</span> stand for the WAN that it is about.
              </>
            ) : undefined
          }
        />
        <div className="fields">
          <ChoiceField
            form={form}
            path="method"
            label="Method"
            options={METHODS.map(({ value, word }) => ({ value, text: word }))}
            onChoose={(value) =>
              form.setAll([
                ['method', value],
                ['forSeconds', METHODS.find((one) => one.value === value)?.forSeconds],
              ])
            }
          />
          {chosen?.forSeconds !== undefined && <NumberField form={form} path="forSeconds" label={chosen.forWords} width={190} unit="s" />}
        </div>
        {chosen && <p className="dim small">{chosen.does}</p>}
        <div className="fields">
          <NumberField form={form} path="steps.verifyAfterSeconds" label="Verify after" unit="s" />
          <NumberField form={form} path="steps.sweeps" label="Sweeps more" />
        </div>
      </Part>
      <Part title="Limits" small="beyond them, nothing is done">
        <div className="fields">
          <NumberField form={form} path="limits.maxFlows" label="Most flows" width={170} />
          <NumberField form={form} path="limits.maxPercentOfTable" label="Most of a table" width={170} unit="%" />
          <NumberField form={form} path="limits.maxRunsAnHour" label="Runs an hour" width={170} />
          <NumberField form={form} path="limits.coolDownSeconds" label="Cool-down" width={170} unit="s" />
        </div>
      </Part>
    </>
  );
}

function Part({ title, small, children }: { title: string; small: string; children: ReactNode }) {
  return (
    <section className="part">
      <h2>
        {title}
        <small>{small}</small>
      </h2>
      <div className="stack wide">{children}</div>
    </section>
  );
}
