'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Receiver } from '../../../proto/http/receivers.ts';
import { routes } from '../../../proto/http/routes.ts';
import { hoursWords } from '../../../proto/model/alerts/hours.ts';
import { isHttpKind, KIND_TRAITS } from '../../../proto/model/alerts/receiver-kinds.ts';
import { lasting } from '../../../client/words/format.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';
import { AddReceiver } from './add-receiver.tsx';

/** Who alerts are told to, and whether that works. */
export function Receivers() {
  const refusal = useRefusal('receivers.read');
  const writeRefusal = useRefusal('receivers.write', 'all');
  const { data, error, refetch } = useQuery({ ...queries.receivers(), enabled: refusal === undefined });
  return (
    <section className="setting" aria-labelledby="receivers">
      <h2 id="receivers">
        Alerts to people and systems<small>who is told when something is raised and cleared</small>
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
          <ul className="mini receivers">
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
  const { id, name, kind, tenantId, tenantName, addresses, severities, hours, remindMinutes, last, isOn } = receiver;
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
        <b>{name}</b> {isHttpKind(kind) && <span className="dim2">{KIND_TRAITS[kind].name}</span>}{' '}
        <span className="dim2">{addresses.join(', ')}</span>
        <div className="dim small">
          {tenantName ?? 'all tenants'}: {severities.join(', ')}
          {hours && `, ${hoursWords(hours)}`}
          {remindMinutes !== undefined && `, again every ${lasting(remindMinutes * 60)}`}
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
