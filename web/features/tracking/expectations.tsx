'use client';

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import type { z } from 'zod';
import type { deleteExpectations, ExpectationView } from '../../../proto/http/expectations.ts';
import { routes } from '../../../proto/http/routes.ts';
import { deletedExpectationsWords } from '../../../client/words/expectation-words.ts';
import { counted } from '../../../client/words/format.ts';
import { useClock } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKept } from '../../ui/kept.ts';
import { State } from '../../ui/state.tsx';
import { ExpectationTable } from './expectation-table.tsx';

type Deleted = z.output<typeof deleteExpectations.response>;

/** Connections that helpers wait for now, read from the gateway; those that are selected can be deleted. */
export function Expectations({ gatewayId, tenantId }: { gatewayId: string; tenantId: string }) {
  const clock = useClock();
  const mayNotSee = useRefusal('flows.read', [tenantId]);
  const { data, error, refetch } = useQuery({ ...queries.expectations(gatewayId), enabled: mayNotSee === undefined });
  const answered = useKept(data?.state === 'answered' ? data : undefined);
  return (
    <>
      <div className="sec-head">
        <h2>Expectations</h2>
        <span className="dim">
          {answered?.readAt === undefined ? 'connections that helpers wait for' : `as at ${clock.seconds(answered.readAt)}`}
        </span>
      </div>
      {error && !data && (
        <Failure what="What helpers expect could not be asked" error={error} stillWorks="Helpers go on." onRetry={() => void refetch()} />
      )}
      {!data && !error && (mayNotSee === undefined ? <Skeleton lines={2} /> : <p className="dim">{mayNotSee}</p>)}
      {data && data.state !== 'answered' && (
        <p className="note amber small">
          <State kind="offline">Helpers could not be asked</State> <span className="dim2">{data.reason}.</span>
        </p>
      )}
      {answered && (
        <div className={data?.state === 'answered' && !error ? undefined : 'stale'}>
          <Listed gatewayId={gatewayId} tenantId={tenantId} items={answered.items} left={answered.left} />
        </div>
      )}
    </>
  );
}

interface ListedProps {
  gatewayId: string;
  tenantId: string;
  items: readonly ExpectationView[];
  left: number;
}

function Listed({ gatewayId, tenantId, items, left }: ListedProps) {
  const client = useQueryClient();
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const [reason, setReason] = useState('');
  const chosen = items.filter(({ id }) => selected.has(id));
  const deleting = useMutation({
    mutationFn: () => call(routes.deleteExpectations, { params: { id: gatewayId }, body: { items: chosen, reason: reason.trim() } }),
    onSuccess: ({ state }) => {
      if (state === 'answered') setSelected(new Set());
    },
    onSettled: () => client.invalidateQueries({ queryKey: queries.expectations(gatewayId).queryKey }),
  });
  const mayNot = useRefusal('plans.run', [tenantId]);
  const missing = chosen.length === 0 ? 'Select what is to be deleted.' : reason.trim() === '' ? 'Write the reason first.' : undefined;
  const refusal = mayNot ?? missing ?? (deleting.isPending ? 'The gateway is asked.' : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (refusal === undefined) deleting.mutate();
  };
  return (
    <form onSubmit={submit}>
      {items.length > 0 ? (
        <>
          <div className="expectations-list">
            <ExpectationTable items={items} selected={selected} onSelect={setSelected} />
          </div>
          {left > 0 && <p className="note amber small">{counted(left, 'more expectation')} did not fit into the answer.</p>}
          <div className="row expectation-end">
            <label className="input grow">
              Reason
              <input value={reason} maxLength={500} onChange={(event) => setReason(event.currentTarget.value)} />
            </label>
            <Button type="submit" kind="danger-line" refusal={refusal}>
              Delete {chosen.length > 0 ? chosen.length : 'selected'}
            </Button>
          </div>
        </>
      ) : (
        <Nothing />
      )}
      <p className="small expectation-result" role="status">
        <Result deleted={deleting.data} error={deleting.error} isListed={items.length > 0} />
      </p>
    </form>
  );
}

function Nothing() {
  return (
    <p className="dim">
      No helper waits for a connection now. One stands here while a session has announced it, such as the data of an FTP transfer or the
      audio of a call, until it begins or its time is over.
    </p>
  );
}

function Result({ deleted, error, isListed }: { deleted: Deleted | undefined; error: Error | null; isListed: boolean }) {
  if (error) return <State kind="critical">{error.message}</State>;
  if (!deleted)
    return isListed && <span className="dim">What is no longer expected does not pass as related; what is open already goes on.</span>;
  if (deleted.state !== 'answered')
    return (
      <>
        <State kind="offline">Nothing is known to be deleted</State> <span className="dim2">{deleted.reason}.</span>
      </>
    );
  return <State kind={deleted.failed > 0 ? 'partial' : 'ok'}>{deletedExpectationsWords(deleted)}</State>;
}
