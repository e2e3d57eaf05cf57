'use client';

import { Popover, Tooltip } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { parseFilter } from '../../../proto/model/filter/parse.ts';
import type { FieldName } from '../../../proto/model/filter/filter.ts';
import { useDraft } from '../../ui/draft.ts';
import { asksFor, term, valueOf, withToggled, withValue } from './filter-edit.ts';

const PROTOCOLS = ['tcp', 'udp', 'icmp', 'esp', 'gre'] as const;
const STATES: readonly { value: string; text: string; means: string }[] = [
  { value: 'new', text: 'new', means: 'seen in one direction only so far' },
  { value: 'established', text: 'established', means: 'packets went both ways' },
  { value: 'related', text: 'related', means: 'opened by another flow, such as RTP by SIP' },
  { value: 'time-wait', text: 'time-wait', means: 'closed TCP, waiting for late packets' },
];
const EXPIRED =
  'The kernel takes an entry out of the table when it expires, so a live table never holds an expired one. Long idle entries are found by idle>5m.';

/** The filters of a beginner: protocol, status, stale, address and port. They edit the same filter as everything else. */
export function QuickFilters({ filter, onFilter }: { filter: string; onFilter(filter: string): void }) {
  return (
    <div className="quick" role="group" aria-label="Quick filters">
      <Choice
        label="Protocol"
        field="proto"
        filter={filter}
        onFilter={onFilter}
        options={PROTOCOLS.map((value) => ({ value, text: value.toUpperCase(), means: '' }))}
      />
      <Choice label="Status" field="state" filter={filter} onFilter={onFilter} options={STATES}>
        <p className="dim small">
          <b>expired</b>: {EXPIRED}
        </p>
      </Choice>
      <button
        type="button"
        className={`btn slim ${asksFor(filter, 'stale', 'yes') ? 'is-on' : ''}`}
        aria-pressed={asksFor(filter, 'stale', 'yes')}
        title="Flows that are stuck; they heal when they are ended"
        onClick={() => onFilter(withToggled(filter, 'stale', 'yes'))}
      >
        Stale
      </button>
      <ValueField label="IP or CIDR" field="ip" width={132} placeholder="10.0.0.0/8" filter={filter} onFilter={onFilter} />
      <ValueField label="Port" field="port" width={64} placeholder="5060" filter={filter} onFilter={onFilter} />
    </div>
  );
}

interface QuickProps {
  label: string;
  field: FieldName;
  filter: string;
  onFilter(filter: string): void;
}

function Choice({
  label,
  field,
  filter,
  onFilter,
  options,
  children,
}: QuickProps & { options: readonly { value: string; text: string; means: string }[]; children?: React.ReactNode }) {
  const on = options.filter(({ value }) => asksFor(filter, field, value));
  return (
    <Popover position="bottom-start" width={300} trapFocus returnFocus transitionProps={{ duration: 0 }}>
      <Popover.Target>
        <button type="button" className={`btn slim ${on.length > 0 ? 'is-on' : ''}`}>
          {label}
          {on.length > 0 && <b>{on.map(({ text }) => text).join(', ')}</b>}
          <IconChevronDown className="i s" stroke={1.5} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown className="quick-menu" aria-label={label}>
        {options.map(({ value, text, means }) => (
          <label key={value} className="row">
            <input
              type="checkbox"
              checked={on.some((one) => one.value === value)}
              onChange={() => onFilter(withToggled(filter, field, value))}
            />
            {text} {means && <span className="dim small">{means}</span>}
          </label>
        ))}
        {children}
      </Popover.Dropdown>
    </Popover>
  );
}

function ValueField({ label, field, width, placeholder, filter, onFilter }: QuickProps & { width: number; placeholder: string }) {
  const current = valueOf(filter, field) ?? '';
  const [draft, setDraft] = useDraft(current);
  const parsed = draft ? parseFilter(term(field, draft.trim())) : undefined;
  const problem = parsed && 'problem' in parsed ? parsed.problem.message : undefined;
  const apply = () => {
    if (!problem && draft.trim() !== current) onFilter(withValue(filter, field, draft.trim() || undefined));
  };
  return (
    <Tooltip label={problem} disabled={!problem} opened={problem !== undefined}>
      <label className={`input slim ${problem ? 'has-problem' : ''}`}>
        <span>{label}</span>
        <input
          style={{ width }}
          className="mono"
          placeholder={placeholder}
          value={draft}
          spellCheck={false}
          aria-invalid={problem !== undefined}
          onChange={(event) => setDraft(event.currentTarget.value)}
          onBlur={apply}
          onKeyDown={(event) => {
            if (event.key === 'Enter') apply();
            if (event.key === 'Escape') setDraft(current);
          }}
        />
      </label>
    </Tooltip>
  );
}
