'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Receiver } from '../../../proto/http/receivers.ts';
import { routes } from '../../../proto/http/routes.ts';
import { SEVERITIES, type Severity } from '../../../proto/model/alerts/kinds.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';

/** Who alerts are mailed to, and whether that works. */
export function Receivers() {
  const refusal = useRefusal('receivers.read');
  const writeRefusal = useRefusal('receivers.write', 'all');
  const { data, error, refetch } = useQuery({ ...queries.receivers(), enabled: refusal === undefined });
  return (
    <section className="setting" aria-labelledby="receivers">
      <h2 id="receivers">
        Alerts by mail<small>who is told when something is raised and cleared</small>
      </h2>
      {refusal ? (
        <p className="dim small">{refusal}</p>
      ) : error && !data ? (
        <Failure what="The receivers could not be read" error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Skeleton lines={2} />
      ) : (
        <div className="stack wide">
          {data.items.length === 0 && <p className="dim">Nobody is told yet: alerts are in the console only.</p>}
          <ul className="mini">
            {data.items.map((receiver) => (
              <ReceiverRow key={receiver.id} receiver={receiver} />
            ))}
          </ul>
          <AddReceiver refusal={writeRefusal} />
        </div>
      )}
    </section>
  );
}

function ReceiverRow({ receiver }: { receiver: Receiver }) {
  const { id, name, tenantId, tenantName, addresses, severities, last, isOn } = receiver;
  const client = useQueryClient();
  const clock = useClock();
  const now = useNow(60_000);
  const refusal = useRefusal('receivers.write', tenantId === undefined ? 'all' : [tenantId]);
  const onSettled = (): void => void client.invalidateQueries({ queryKey: queries.receivers().queryKey });
  const test = useMutation({ mutationFn: () => call(routes.testReceiver, { params: { id } }), onSettled });
  const remove = useMutation({ mutationFn: () => call(routes.deleteReceiver, { params: { id } }), onSettled });
  return (
    <li className="receiver">
      <div className="grow">
        <b>{name}</b> <span className="dim2">{addresses.join(', ')}</span>
        <div className="dim small">
          {tenantName ?? 'all tenants'}: {severities.join(', ')}
          {!isOn && ', off'}
        </div>
        {last?.failingSince !== undefined && (
          <State kind="failed">
            Not taken since {clock.when(last.failingSince, now)}: {last.answer}
          </State>
        )}
        {test.data && (
          <p aria-live="polite">
            <State kind={test.data.isTaken ? 'ok' : 'failed'}>{test.data.isTaken ? 'taken' : 'not taken'}</State>{' '}
            <span className="mono">{test.data.answer}</span>
          </p>
        )}
        {(test.error ?? remove.error) && <Failure what="That did not work" error={(test.error ?? remove.error)!} />}
      </div>
      <Button
        size="slim"
        kind="quiet"
        refusal={refusal ?? (test.isPending ? 'It is being sent.' : undefined)}
        onClick={() => test.mutate()}
      >
        Send test<span className="sr"> to {name}</span>
      </Button>
      <Button size="slim" kind="quiet" refusal={refusal} onClick={() => remove.mutate()}>
        Remove<span className="sr"> {name}</span>
      </Button>
    </li>
  );
}

/** From this severity on. */
const FROM: readonly { value: Severity; text: string }[] = [
  { value: 'critical', text: 'critical' },
  { value: 'warning', text: 'warning and critical' },
  { value: 'info', text: 'everything' },
];

function AddReceiver({ refusal }: { refusal: string | undefined }) {
  const client = useQueryClient();
  const [address, setAddress] = useState('');
  const [from, setFrom] = useState<Severity>('critical');
  const add = useMutation({
    mutationFn: () =>
      call(routes.createReceiver, {
        body: { name: address.trim(), kind: 'email', addresses: [address.trim()], severities: SEVERITIES.slice(SEVERITIES.indexOf(from)) },
      }),
    onSuccess: () => setAddress(''),
    onSettled: () => void client.invalidateQueries({ queryKey: queries.receivers().queryKey }),
  });
  return (
    <form
      className="row add-receiver"
      onSubmit={(event) => {
        event.preventDefault();
        if (!refusal && address.trim() !== '' && !add.isPending) add.mutate();
      }}
    >
      <label className="input">
        Address
        <input type="email" placeholder="noc@example.net" value={address} onChange={(event) => setAddress(event.currentTarget.value)} />
      </label>
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
      <Button type="submit" refusal={refusal ?? (address.trim() === '' ? 'Write an address first.' : undefined)}>
        Tell this address
      </Button>
      {add.error && <Failure what="It was not added" error={add.error} />}
    </form>
  );
}
