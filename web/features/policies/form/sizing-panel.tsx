'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { HEADROOM, mebibytes, peakOf, sizeFor, USUAL_BYTES_PER_ENTRY } from '../../../../proto/model/policy/sizing.ts';
import { count, counted } from '../../../../client/words/format.ts';
import { useClock, useNow } from '../../../lib/clock.tsx';
import * as queries from '../../../lib/controller/queries.ts';
import { Button, Segments } from '../../../ui/button.tsx';
import { allOf, setValue } from './edit-text.ts';
import type { PolicyForm } from './use-policy-form.ts';

const DAY_MS = 86_400_000;
const DAYS = 30;
const POINTS = 720;
const MAX_ENTRY_BYTES = 4096;

interface PanelProps {
  form: PolicyForm;
  /** Whose histories can be asked: those that the policy is for. */
  gateways: readonly { id: string; name: string }[];
}

/** How large a table has to be, by people or by what was seen; and the way into the document. */
export function SizingPanel({ form, gateways }: PanelProps) {
  const [by, setBy] = useState<'users' | 'history'>('users');
  const [users, setUsers] = useState('1000');
  const [each, setEach] = useState('100');
  const [entryBytes, setEntryBytes] = useState('');
  const [gatewayId, setGateway] = useState(gateways[0]?.id ?? '');
  const peak = usePeak(by === 'history' ? gatewayId : '');
  const flows = by === 'users' ? product(users, each) : peak.flows;
  const measured = whole(entryBytes);
  const isWrong = entryBytes !== '' && (measured === undefined || measured < 1 || measured > MAX_ENTRY_BYTES);
  const size = flows === undefined || isWrong ? undefined : sizeFor({ flows, bytesPerEntry: measured });
  const write = () => {
    if (size)
      form.change(
        'spec.table.max',
        allOf(setValue(['spec', 'table', 'max'], size.max), setValue(['spec', 'table', 'buckets'], size.buckets)),
      );
  };
  return (
    <details className="sizing">
      <summary className="small">How large should it be?</summary>
      <div className="stack" data-guide="table.max">
        <div className="fields">
          <Segments
            label="Reckon by"
            isSlim
            value={by}
            onChange={setBy}
            options={[
              { value: 'users', text: 'people or devices' },
              { value: 'history', text: 'what was seen' },
            ]}
          />
          <NumberField
            label="Bytes an entry"
            value={entryBytes}
            onValue={setEntryBytes}
            placeholder={String(USUAL_BYTES_PER_ENTRY)}
            isWrong={isWrong}
          />
        </div>
        {by === 'users' ? (
          <div className="fields">
            <NumberField label="People or devices" value={users} onValue={setUsers} />
            <NumberField label="Flows of each" value={each} onValue={setEach} />
          </div>
        ) : (
          <>
            <label className="input">
              Gateway
              <select value={gatewayId} onChange={(event) => setGateway(event.currentTarget.value)}>
                {gateways.length === 0 && <option value="">none that it is for</option>}
                {gateways.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <p className="small dim2">{peak.words}</p>
          </>
        )}
        <div role="status">
          <dl className="kv sized">
            <dt>Entries</dt>
            <dd>
              <b>{count(size?.max)}</b>{' '}
              <span className="dim">{flows !== undefined && `${count(flows)} and half as much again (× ${HEADROOM})`}</span>
            </dd>
            <dt>Buckets</dt>
            <dd>
              <b>{count(size?.buckets)}</b> <span className="dim">a quarter of that, in whole pages</span>
            </dd>
            <dt>Memory</dt>
            <dd>
              <b>{size ? `${count(mebibytes(size.bytes))} MiB` : '–'}</b>{' '}
              <span className="dim">
                when full, never swapped out: {size?.isMeasured ? 'the' : 'about'} {size?.bytesPerEntry ?? USUAL_BYTES_PER_ENTRY} bytes an
                entry{size?.isMeasured ? ' that you measured' : ''}, 8 a bucket
              </span>
            </dd>
          </dl>
        </div>
        <div>
          <Button
            onClick={write}
            refusal={form.isOff ? 'Nothing can be changed now.' : size ? undefined : 'Say first what it has to hold.'}
          >
            Write into the policy
          </Button>
        </div>
      </div>
    </details>
  );
}

interface NumberProps {
  label: string;
  value: string;
  onValue(value: string): void;
  placeholder?: string;
  isWrong?: boolean;
}

function NumberField({ label, value, onValue, placeholder, isWrong = false }: NumberProps) {
  return (
    <label className={`input ${isWrong ? 'has-problem' : ''}`} style={{ width: 184 }}>
      {label}
      <input
        inputMode="numeric"
        value={value}
        placeholder={placeholder}
        aria-invalid={isWrong}
        onChange={(event) => onValue(event.currentTarget.value.trim())}
      />
    </label>
  );
}

/** The highest use that a gateway’s history of the last days has. */
function usePeak(gatewayId: string): { flows: number | undefined; words: string } {
  const clock = useClock();
  const now = useNow(3_600_000) ?? 0;
  const { data, error, isPlaceholderData } = useQuery({
    ...queries.samples(gatewayId, { fromMs: now - DAYS * DAY_MS, toMs: now }, POINTS),
    enabled: gatewayId !== '' && now > 0,
  });
  const peak = peakOf(data?.points ?? []);
  if (gatewayId === '') return { flows: undefined, words: 'It is for no gateway whose history could be asked.' };
  if (error) return { flows: undefined, words: `Its history could not be read. ${error.message}` };
  // Until its own history is there, that of the gateway before would stand here.
  if (!data || isPlaceholderData) return { flows: undefined, words: 'Its history is being read.' };
  if (!peak) return { flows: undefined, words: `It has no samples of the last ${DAYS} days.` };
  const at = `${clock.full(peak.at)} ${clock.offset(Date.parse(peak.at))}`;
  return { flows: peak.countMax, words: `The most in the last ${DAYS} days were ${counted(peak.countMax, 'entry', 'entries')}, at ${at}.` };
}

function whole(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function product(users: string, each: string): number | undefined {
  const [a, b] = [whole(users), whole(each)];
  return a === undefined || b === undefined || a * b === 0 ? undefined : a * b;
}
