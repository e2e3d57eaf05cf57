'use client';

import { useTimeZone } from '../../lib/clock.tsx';
import { fieldIn } from './document-text.ts';
import { ChoiceField, NumberField, TextField, type Form } from './editor-fields.tsx';
import { cronWords } from '../../../client/words/remediation-words.ts';
import type { z } from 'zod';
import type { remediationTrigger } from '../../../proto/http/remediation-document.ts';
import { TRIGGER_KINDS, TRIGGERS, type TriggerKind } from '../../../proto/model/triggers.ts';

/** The initial values of each trigger. */
const STARTS: { [Kind in TriggerKind]: { kind: Kind } & z.input<typeof remediationTrigger> } = {
  'wan-down': { kind: 'wan-down', wan: '*' },
  'wan-up': { kind: 'wan-up', wan: '*' },
  'address-change': { kind: 'address-change', wan: '*' },
  'table-usage': { kind: 'table-usage', abovePercent: 85 },
  schedule: { kind: 'schedule', cron: '30 2 * * *', timeZone: 'site' },
  webhook: { kind: 'webhook' },
  manual: { kind: 'manual' },
};
const KINDS = TRIGGER_KINDS.map((value) => ({ value, text: TRIGGERS[value].words, start: STARTS[value] }));

const WHERE: Record<string, string> = {
  webhook: 'Runs in the controller. The secret that signs calls is shown once, when it is saved.',
  manual: 'Runs in the controller, when somebody presses Run now.',
  schedule: 'Runs in the controller, as a plan and a flush.',
};

/** The trigger and its fields. Conditions that only apply to a WAN are removed when the trigger is not about one. */
export function EditorTrigger({ form, kind }: { form: Form; kind: string }) {
  const { own } = useTimeZone();
  const hasWan = 'wan' in (KINDS.find(({ value }) => value === kind)?.start ?? {});
  const cron = fieldIn(form.raw, 'trigger.cron');
  const choose = (wanted: string) => {
    const next = KINDS.find(({ value }) => value === wanted)!;
    const staysAboutWan = 'wan' in next.start;
    form.setAll([
      ['trigger', hasWan && staysAboutWan ? { ...next.start, wan: fieldIn(form.raw, 'trigger.wan') ?? '*' } : next.start],
      ...(staysAboutWan
        ? []
        : ([
            ['conditions.healthyTarget', undefined],
            ['conditions.mostFlapsAnHour', undefined],
          ] satisfies [string, undefined][])),
    ]);
  };
  return (
    <div className="stack">
      <div className="fields">
        <ChoiceField form={form} path="trigger.kind" label="When" options={KINDS} onChoose={choose} />
        {hasWan && <TextField form={form} path="trigger.wan" label="WAN" width={170} isMono />}
        {kind === 'table-usage' && <NumberField form={form} path="trigger.abovePercent" label="Above" unit="%" />}
        {kind === 'schedule' && (
          <>
            <TextField
              form={form}
              path="trigger.cron"
              label="Cron"
              width={170}
              isMono
              hint={typeof cron === 'string' ? cronWords(cron) : undefined}
            />
            <ChoiceField
              form={form}
              path="trigger.timeZone"
              label="Clock"
              options={[
                { value: 'site', text: 'each site’s own' },
                { value: own, text: own },
                ...(own === 'UTC' ? [] : [{ value: 'UTC', text: 'UTC' }]),
              ]}
            />
            <ChoiceField
              form={form}
              path="trigger.missed"
              label="Missed"
              options={[
                { value: 'skip', text: 'let go' },
                { value: 'run-once', text: 'made up for once' },
              ]}
            />
          </>
        )}
      </div>
      <p className="dim small">{WHERE[kind] ?? 'Runs on the gateway by itself, also when the controller cannot be reached.'}</p>
    </div>
  );
}
