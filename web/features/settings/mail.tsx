'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { State } from '../../ui/state.tsx';

const TLS = { starttls: 'STARTTLS', tls: 'TLS', none: 'without TLS, and without a password' } as const;

/** By which server sign-in links are sent, and whether it takes mail. */
export function Mail() {
  const refusal = useRefusal('people.read', 'all');
  const testRefusal = useRefusal('mail.test', 'all');
  const { data, error, refetch } = useQuery({ ...queries.mail(), enabled: refusal === undefined });
  const test = useMutation({ mutationFn: () => call(routes.testMail) });
  return (
    <section className="setting" aria-labelledby="mail">
      <h2 id="mail">
        Mail<small>for invitations and forgotten passwords</small>
      </h2>
      {refusal ? (
        <p className="dim small">{refusal}</p>
      ) : error && !data ? (
        <Failure what="The settings of mail could not be read" error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Skeleton lines={2} />
      ) : !data.isSet || !data.server ? (
        <p className="dim">
          No mail server is set: links are handed over. <span className="mono">CTFLEET_SMTP_HOST</span> sets one (docs/operating.md).
        </p>
      ) : (
        <div className="stack wide">
          <p>
            From <b>{data.from}</b> by <span className="mono">{`${data.server.host}:${data.server.port}`}</span>, {TLS[data.server.tls]}
            {data.server.hasUser && ', with user and password'}.
          </p>
          <div className="row">
            <Button refusal={test.isPending ? 'It is being sent.' : testRefusal} onClick={() => test.mutate()}>
              Send me a test mail
            </Button>
          </div>
          {test.data && (
            <p aria-live="polite">
              <State kind={test.data.isTaken ? 'ok' : 'failed'}>{test.data.isTaken ? 'taken' : 'not taken'}</State>{' '}
              <span className="mono">{test.data.answer}</span>
            </p>
          )}
          {test.error && <Failure what="No mail was sent" error={test.error} />}
        </div>
      )}
    </section>
  );
}
