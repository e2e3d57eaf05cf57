'use client';

import { useState } from 'react';
import type { Timeouts } from '../../../../proto/model/policy/document.ts';
import { formatDuration } from '../../../../proto/model/duration.ts';
import { PROFILES } from '../../../../proto/model/policy/profiles.ts';
import { aboutTimeout, KNOWN_TIMEOUT_KEYS, timeoutEntries, type TimeoutKey } from '../../../../proto/model/policy/settings.ts';
import { Button } from '../../../ui/button.tsx';
import { setValue } from './edit-text.ts';
import { Part, TextField } from './form-fields.tsx';
import type { PolicyForm } from './use-policy-form.ts';

/** Protocols in the order of how often somebody sets them; the last ones are folded until something is set there. */
const GROUPS: readonly { title: string; heads: readonly string[]; isRare?: true }[] = [
  { title: 'TCP', heads: ['tcp'] },
  { title: 'UDP', heads: ['udp'] },
  { title: 'ICMP', heads: ['icmp', 'icmpv6'] },
  { title: 'GRE', heads: ['gre'] },
  { title: 'All others', heads: ['generic', 'frag6'] },
  { title: 'SCTP', heads: ['sctp'], isRare: true },
  { title: 'DCCP', heads: ['dccp'], isRare: true },
  { title: 'UDP-Lite', heads: ['udplite'], isRare: true },
];
const headOf = (key: TimeoutKey) => key.split('.')[0]!;

/** Every timeout, by protocol, with what holds where the policy says nothing. */
export function TimeoutFields({ form }: { form: PolicyForm }) {
  const { timeouts = {}, profile } = form.document?.spec ?? {};
  const byProfile = profile === undefined ? {} : PROFILES[profile];
  const others = timeoutEntries(timeouts).flatMap(([key]) => (headOf(key) === 'other' ? [key] : []));
  return (
    <Part title="Timeouts" small="of quiet flows, as 30s, 5m, 2h, 1d">
      {GROUPS.map(({ title, heads, isRare }) => {
        const keys = KNOWN_TIMEOUT_KEYS.filter((key) => heads.includes(headOf(key)));
        const table = <TimeoutTable key={title} title={title} keys={keys} form={form} byProfile={byProfile} />;
        if (!isRare) return table;
        const set = keys.filter((key) => timeouts[key] !== undefined).length;
        return (
          <details key={title} open={set > 0 || undefined}>
            <summary className="small">
              {title} <span className="dim">{set > 0 ? `${set} set` : `${keys.length} timeouts, none set`}</span>
            </summary>
            {table}
          </details>
        );
      })}
      {others.length > 0 && <TimeoutTable title="By the kernel’s own name" keys={others} form={form} byProfile={{}} />}
      <OtherTimeout form={form} />
    </Part>
  );
}

interface TableProps {
  title: string;
  keys: readonly TimeoutKey[];
  form: PolicyForm;
  byProfile: Timeouts;
}

function TimeoutTable({ title, keys, form, byProfile }: TableProps) {
  return (
    <table data-density="compact" className="timeouts">
      <thead>
        <tr>
          <th>{title}</th>
          <th>Time</th>
          <th className="num">Profile</th>
          <th className="num">Kernel</th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => {
          const [profile, kernel] = [byProfile[key], aboutTimeout(key)?.defaultSeconds];
          const without = profile ?? kernel;
          return (
            <tr key={key}>
              <td className="mono">{key.replace(/^(other|tcp|udp|gre|sctp|dccp|udplite)\./, '')}</td>
              <td>
                <TextField
                  form={form}
                  path={pathOf(key)}
                  label={key}
                  guide={`timeouts.${key}`}
                  placeholder={without === undefined ? 'as it is' : formatDuration(without)}
                  isBare
                />
              </td>
              <td className="num dim2">{profile === undefined ? '–' : formatDuration(profile)}</td>
              <td className="num dim2">{kernel === undefined ? '–' : formatDuration(kernel)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** One more timeout that only some kernels have, by its file’s name. */
function OtherTimeout({ form }: { form: PolicyForm }) {
  const [name, setName] = useState('');
  const [time, setTime] = useState('');
  const field = `spec.timeouts.other.${name}`;
  const isWrong = form.wrong.has(field);
  const add = () => form.change(field, setValue(['spec', 'timeouts', 'other', name.trim()], time.trim() || undefined), { isMove: true });
  return (
    <div className="row other-timeout" data-guide="timeouts.other.nf_conntrack_timeout" data-field={field}>
      <label className={`input grow ${isWrong ? 'has-problem' : ''}`}>
        Another
        <input
          className="mono"
          value={name}
          placeholder="nf_conntrack_…_timeout"
          disabled={form.isOff}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label className="input" style={{ width: 84 }}>
        <span className="sr">Its time</span>
        <input value={time} placeholder="30s" disabled={form.isOff} onChange={(event) => setTime(event.currentTarget.value)} />
      </label>
      <Button
        onClick={add}
        refusal={form.isOff ? 'Nothing can be changed now.' : name.trim() && time.trim() ? undefined : 'Write its name and a time.'}
      >
        Add
      </Button>
    </div>
  );
}

function pathOf(key: TimeoutKey): string[] {
  const [head, ...rest] = key.split('.');
  return ['spec', 'timeouts', head!, ...(rest.length > 0 ? [rest.join('.')] : [])];
}
