'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { IconArrowBackUp, IconPlayerStopFilled, IconProgressCheck, IconRefresh } from '@tabler/icons-react';
import type { Flush } from '../../../proto/http/flushes.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link, useGo } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { counted, minutesAndSeconds } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { retriable, undoSeconds } from '../../../client/words/flush-words.ts';
import { again } from '../../../client/words/plan-words.ts';
import type { PlanAsking } from './use-plan-request.ts';

/** What can be done about a flush: stop it while it runs; after that undo it, retry what failed, or make it a remediation. */
export function FlushActions({ flush, asking }: { flush: Flush; asking: PlanAsking }) {
  return flush.state === 'running' ? <Stop flush={flush} /> : <Afterwards flush={flush} asking={asking} />;
}

/** Responds to the press at once; gateways stop within two seconds. */
function Stop({ flush }: { flush: Flush }) {
  const client = useQueryClient();
  const refusal = useRefusal(
    'flushes.cancel',
    flush.tenants.map(({ id }) => id),
  );
  const stop = useMutation({
    mutationFn: () => call(routes.cancelFlush, { params: { id: flush.id } }),
    onSuccess: (after) => client.setQueryData(queries.flush(flush.id).queryKey, after),
  });
  const isStopping = stop.isPending || stop.isSuccess;
  const press = () => {
    if (!refusal && !isStopping) stop.mutate();
  };
  useKey('c', press);
  return (
    <div className="num flush-actions">
      <Button
        size="large"
        kind="danger-line"
        icon={IconPlayerStopFilled}
        keys="c"
        onClick={press}
        refusal={refusal ?? (isStopping ? 'It is being stopped.' : undefined)}
      >
        {isStopping ? 'Stopping…' : flush.kind === 'undo' ? 'Stop the undo' : 'Stop flush'}
      </Button>
      <p className="dim small" role="status">
        {isStopping
          ? 'Gateways at work feel it within two seconds.'
          : `Takes back what has not begun. What is ${flush.kind === 'undo' ? 'put back' : 'ended'} stays so.`}
      </p>
      {stop.error && (
        <p className="red small" role="alert">
          {stop.error.message}
        </p>
      )}
    </div>
  );
}

function Afterwards({ flush, asking }: { flush: Flush; asking: PlanAsking }) {
  const go = useGo();
  const now = useNow();
  const tenantIds = flush.tenants.map(({ id }) => id);
  const undoRefusal = useRefusal('flushes.undo', tenantIds);
  const retryRefusal = useRefusal('plans.write', tenantIds);
  const writeRefusal = useRefusal('remediations.write', tenantIds);
  const left = now === undefined ? undefined : undoSeconds(flush, now);
  const failed = retriable(flush);
  const undo = useMutation({
    mutationFn: () => call(routes.undoFlush, { params: { id: flush.id } }),
    onSuccess: ({ flushId }) => go(`/flushes/${flushId}`),
  });
  const retry = useMutation({
    mutationFn: () => call(routes.retryFlush, { params: { id: flush.id } }),
    onSuccess: (plan) => asking.show(plan, again(plan)),
  });
  const tryAgain = () => {
    if (failed.length > 0 && !retryRefusal && !retry.isPending) retry.mutate();
  };
  useKey('t', tryAgain);
  const error = undo.error ?? retry.error;
  return (
    <div className="num flush-actions">
      <div className="row">
        {left !== undefined && (
          <Button
            icon={IconArrowBackUp}
            onClick={() => undo.mutate()}
            refusal={undoRefusal ?? (undo.isPending ? 'It is being begun.' : undefined)}
          >
            Undo, {minutesAndSeconds(left)} left
          </Button>
        )}
        {flush.undoneBy && (
          <Link className="btn" href={`/flushes/${flush.undoneBy}`}>
            Undone: see what came back
          </Link>
        )}
        {failed.length > 0 && (
          <Button
            icon={IconRefresh}
            keys="t"
            onClick={tryAgain}
            refusal={retryRefusal ?? (retry.isPending ? 'The gateways are being asked.' : undefined)}
          >
            Retry {counted(failed.length, 'gateway')}
          </Button>
        )}
        {flush.kind === 'run' &&
          !flush.isEverything &&
          (writeRefusal ? (
            <Button icon={IconProgressCheck} refusal={writeRefusal}>
              Turn into remediation
            </Button>
          ) : (
            <Link className="btn" href={`/remediations/new?flush=${flush.id}`}>
              <IconProgressCheck className="i s" stroke={1.75} aria-hidden />
              Turn into remediation
            </Link>
          ))}
      </div>
      {left !== undefined && (
        <p className="dim small">
          Undo puts entries back as they were. It cannot restore what traffic has recreated, nor connections that both ends have given up.
        </p>
      )}
      {error && (
        <p className="red small" role="alert">
          {error.message}
        </p>
      )}
    </div>
  );
}
