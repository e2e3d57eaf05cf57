'use client';

import './form.css';
import { useState, type FocusEvent } from 'react';
import { PROFILE_NAMES } from '../../../../proto/model/policy/document.ts';
import { FormGuidance, type Guided } from './form-guidance.tsx';
import { ChoiceField, Part, TextField } from './form-fields.tsx';
import { HelperFields } from './helper-fields.tsx';
import { RuleList } from './rule-list.tsx';
import { SizingPanel } from './sizing-panel.tsx';
import { TimeoutFields } from './timeout-fields.tsx';
import type { PolicyForm as Form } from './use-policy-form.ts';
import { asNumber, asSwitch } from './values.ts';

const SWITCH = [
  { value: 'true', text: 'on' },
  { value: 'false', text: 'off' },
];
const AS_IT_IS = 'as it is';

/** The document as a form, with guidance on the field that has the focus. */
export function PolicyForm({ form, gateways }: { form: Form; gateways: readonly { id: string; name: string }[] }) {
  const [at, setAt] = useState<Guided>();
  const onFocus = ({ target }: FocusEvent<HTMLElement>) => {
    const guided = target.closest<HTMLElement>('[data-guide]');
    setAt(guided ? { guide: guided.dataset.guide!.replace(/^spec\./, ''), field: guided.dataset.field ?? '' } : undefined);
  };
  return (
    <>
      <div className="policy-form" onFocus={onFocus}>
        <Part title="What" small="name and profile">
          <div className="fields">
            <TextField form={form} path={['metadata', 'name']} label="Name" width={224} />
            <ChoiceField
              form={form}
              path={['spec', 'profile']}
              label="Profile"
              nothing="none"
              options={PROFILE_NAMES.map((name) => ({ value: name, text: name }))}
            />
          </div>
        </Part>
        <Part title="Table" small="how much it holds">
          <div className="fields">
            <TextField form={form} path={['spec', 'table', 'max']} label="Entries" width={170} placeholder={AS_IT_IS} toValue={asNumber} />
            <TextField
              form={form}
              path={['spec', 'table', 'buckets']}
              label="Buckets"
              width={170}
              placeholder={AS_IT_IS}
              toValue={asNumber}
            />
          </div>
          <SizingPanel form={form} gateways={gateways} />
        </Part>
        <TimeoutFields form={form} />
        <HelperFields form={form} />
        <Part title="What it notes" small="of each connection">
          <div className="fields">
            <ChoiceField
              form={form}
              path={['spec', 'accounting']}
              label="Counters"
              nothing={AS_IT_IS}
              options={SWITCH}
              toValue={asSwitch}
            />
            <ChoiceField form={form} path={['spec', 'timestamps']} label="Times" nothing={AS_IT_IS} options={SWITCH} toValue={asSwitch} />
            <ChoiceField
              form={form}
              path={['spec', 'events']}
              label="Events"
              nothing={AS_IT_IS}
              options={[...SWITCH, { value: 'auto', text: 'auto' }]}
              toValue={asSwitch}
            />
          </div>
        </Part>
        <RuleList form={form} />
      </div>
      <FormGuidance form={form} at={at} />
    </>
  );
}
