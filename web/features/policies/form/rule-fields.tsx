'use client';

import { ANSWERS, MODES } from '../../../../proto/model/policy/document.ts';
import { HELPERS } from '../../../../proto/model/policy/helpers.ts';
import { ChoiceField, TextField, type FieldProps } from './form-fields.tsx';
import type { PolicyForm } from './use-policy-form.ts';
import { asList, asNumber, asPorts } from './values.ts';

const PROTOCOL_HINT = 'any';
const choices = (words: readonly string[]) => words.map((word) => ({ value: word, text: word }));

/** What one rule matches, and what it says. */
export function RuleFields({ form, index }: { form: PolicyForm; index: number }) {
  const at = (path: string, label: string): FieldProps => ({
    form,
    path: ['spec', 'rules', index, ...path.split('.')],
    label,
    guide: `rules.${path}`,
  });
  return (
    <div className="rule-fields">
      <div className="fields">
        <TextField {...at('name', 'Name')} width={220} />
        <TextField {...at('match.proto', 'Protocol')} width={140} placeholder={PROTOCOL_HINT} toValue={asNumber} />
      </div>
      <div className="fields">
        <TextField {...at('match.src', 'From')} width="100%" placeholder="any address" isMono toValue={asList} />
        <TextField {...at('match.dst', 'To')} width="100%" placeholder="any address" isMono toValue={asList} />
      </div>
      <div className="fields">
        <TextField {...at('match.sport', 'From port')} width={170} placeholder="any" toValue={asPorts} />
        <TextField {...at('match.dport', 'To port')} width={170} placeholder="any" toValue={asPorts} />
        <TextField {...at('match.iif', 'In by')} width={150} placeholder="any" toValue={asList} />
        <TextField {...at('match.oif', 'Out by')} width={150} placeholder="any" toValue={asList} />
        <TextField {...at('match.zone', 'Zone')} width={110} placeholder="any" toValue={asNumber} />
        <TextField {...at('match.mark', 'Mark')} width={170} placeholder="any" isMono />
      </div>
      <div className="fields">
        <ChoiceField {...at('mode', 'Mode')} nothing="as it is" options={choices(MODES)} />
        <TextField {...at('idleTimeout', 'Idle timeout')} width={150} placeholder="as above" />
        <ChoiceField {...at('helper', 'Helper')} nothing="none of its own" options={choices(Object.keys(HELPERS))} />
      </div>
      <div className="fields">
        <TextField {...at('limits.perSource', 'At most, of one source')} width={210} placeholder="any" toValue={asNumber} />
        <TextField {...at('limits.perDestination', 'To one destination')} width={190} placeholder="any" toValue={asNumber} />
        <ChoiceField {...at('limits.answer', 'Beyond it')} nothing="drop, unsaid" options={choices(ANSWERS)} />
      </div>
    </div>
  );
}
