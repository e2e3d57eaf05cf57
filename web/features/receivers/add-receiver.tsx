import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { routes } from '../../../proto/http/routes.ts';
import { SEVERITIES, type Severity } from '../../../proto/model/alerts/kinds.ts';
import type { Day } from '../../../proto/model/alerts/hours.ts';
import { isHttpKind, KIND_TRAITS, RECEIVER_KINDS, type ReceiverKind } from '../../../proto/model/alerts/receiver-kinds.ts';
import { lasting } from '../../../client/words/format.ts';
import { useTimeZone } from '../../lib/clock.tsx';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { Failure } from '../../ui/feedback.tsx';

type When = 'always' | 'during' | 'outside';

/** From this severity on. */
const FROM: readonly { value: Severity; text: string }[] = [
  { value: 'critical', text: 'critical' },
  { value: 'warning', text: 'warning and critical' },
  { value: 'info', text: 'everything' },
];
/** Minutes; 0: never. */
const AGAIN = [0, 15, 30, 60, 240];
const WORKING: Day[] = ['mon', 'tue', 'wed', 'thu', 'fri'];
const NOTHING = { name: '', address: '', url: '', key: '' };

/** Who is told next: by which way, and what that needs. */
export function AddReceiver({ refusal }: { refusal: string | undefined }) {
  const client = useQueryClient();
  const [kind, setKind] = useState<ReceiverKind>('email');
  const [from, setFrom] = useState<Severity>('critical');
  const [again, setAgain] = useState(0);
  const [when, setWhen] = useState<When>('always');
  const { zone } = useTimeZone();
  const [written, setWritten] = useState(NOTHING);
  const { name, address, url, key } = written;
  const write = (change: Partial<typeof NOTHING>): void => setWritten({ ...written, ...change });
  const add = useMutation({
    mutationFn: () =>
      call(routes.createReceiver, {
        body: {
          kind,
          severities: SEVERITIES.slice(SEVERITIES.indexOf(from)),
          ...(again > 0 && { remindMinutes: again }),
          ...(when !== 'always' && { hours: { timeZone: zone, days: WORKING, from: '08:00', to: '18:00', isOutside: when === 'outside' } }),
          ...(isHttpKind(kind)
            ? { name: name.trim() || KIND_TRAITS[kind].name, ...said({ url, key }) }
            : { name: address, addresses: [address] }),
        },
      }),
    onSuccess: () => setWritten(NOTHING),
    onSettled: () => void client.invalidateQueries({ queryKey: queries.receivers().queryKey }),
  });
  const lacking = refusal ?? whatLacks(kind, written);
  return (
    <form
      className="row add-receiver"
      onSubmit={(event) => {
        event.preventDefault();
        if (!lacking && !add.isPending) add.mutate();
      }}
    >
      <label className="input">
        How
        <select value={kind} onChange={(event) => setKind(event.currentTarget.value as ReceiverKind)}>
          {RECEIVER_KINDS.map((one) => (
            <option key={one} value={one}>
              {isHttpKind(one) ? KIND_TRAITS[one].name : 'Mail'}
            </option>
          ))}
        </select>
      </label>
      {isHttpKind(kind) ? (
        <HttpFields kind={kind} written={written} write={write} />
      ) : (
        <label className="input">
          Address
          <input
            type="email"
            placeholder="noc@example.net"
            value={address}
            onChange={(event) => write({ address: event.currentTarget.value.trim() })}
          />
        </label>
      )}
      <label className="input">
        Which alerts
        <select value={from} onChange={(event) => setFrom(event.currentTarget.value as Severity)}>
          {FROM.map(({ value, text }) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label className="input">
        When
        <select
          value={when}
          onChange={(event) => setWhen(event.currentTarget.value as When)}
          title={`In ${zone}. Other hours can be set by REST.`}
        >
          <option value="always">at any time</option>
          <option value="during">Mon to Fri 08:00–18:00</option>
          <option value="outside">outside Mon to Fri 08:00–18:00</option>
        </select>
      </label>
      <label className="input">
        Again, until acknowledged
        <select value={again} onChange={(event) => setAgain(Number(event.currentTarget.value))}>
          {AGAIN.map((minutes) => (
            <option key={minutes} value={minutes}>
              {minutes === 0 ? 'never' : `every ${lasting(minutes * 60)}`}
            </option>
          ))}
        </select>
      </label>
      <Button type="submit" refusal={lacking}>
        Tell this {isHttpKind(kind) ? 'receiver' : 'address'}
      </Button>
      {add.error && <Failure what="It was not added" error={add.error} />}
      {add.data?.secret !== undefined && (
        <div className="note stack wide">
          <p>Copy it now: it is shown only here. By it the receiver can tell that a call is ours.</p>
          <CopyBlock text={add.data.secret} label="secret" />
        </div>
      )}
    </form>
  );
}

interface FieldsProps {
  kind: keyof typeof KIND_TRAITS;
  written: typeof NOTHING;
  write(change: Partial<typeof NOTHING>): void;
}

function HttpFields({ kind, written: { name, url, key }, write }: FieldsProps) {
  const needs = KIND_TRAITS[kind];
  return (
    <>
      <label className="input">
        Name
        <input value={name} placeholder={needs.name} maxLength={100} onChange={(event) => write({ name: event.currentTarget.value })} />
      </label>
      <label className="input">
        {needs.urlWords}
        <input type="url" placeholder="https://" value={url} onChange={(event) => write({ url: event.currentTarget.value.trim() })} />
      </label>
      {needs.key !== 'none' && (
        <label className="input">
          {needs.keyWords}
          <input
            type="password"
            autoComplete="new-password"
            value={key}
            onChange={(event) => write({ key: event.currentTarget.value.trim() })}
          />
        </label>
      )}
    </>
  );
}

/** Why it cannot be added yet. */
function whatLacks(kind: ReceiverKind, { address, url, key }: typeof NOTHING): string | undefined {
  if (!isHttpKind(kind)) return address === '' ? 'Write an address first.' : undefined;
  const needs = KIND_TRAITS[kind];
  if (needs.url === 'needed' && url === '') return `Write this first: ${needs.urlWords}.`;
  return needs.key === 'needed' && key === '' ? `Write this first: ${needs.keyWords}.` : undefined;
}

/** What was left empty is not sent. */
function said<T extends Record<string, string>>(texts: T): Partial<T> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')) as Partial<T>;
}
