'use client';

import { useMutation } from '@tanstack/react-query';
import { routes } from '../../../proto/http/routes.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { call } from '../../lib/controller/client.ts';
import { ActionHead } from '../../ui/action-head.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import type { OwnAccount } from './account.tsx';
import { browserWords } from './browser-words.ts';
import { useChanged } from './use-changed.ts';

/** Where I am signed in; one that I do not know is ended here, and the password changed above. */
export function OwnSessions({ account: { sessions } }: { account: OwnAccount }) {
  const clock = useClock();
  const now = useNow(60_000);
  const onSettled = useChanged();
  const end = useMutation({ mutationFn: (id: string) => call(routes.endSession, { params: { id } }), onSettled });
  const endOthers = useMutation({ mutationFn: () => call(routes.endOtherSessions), onSettled });
  const error = end.error ?? endOthers.error;
  return (
    <section className="setting">
      <h2>
        Sessions<small>each ends by itself after 12 hours</small>
      </h2>
      <div className="stack">
        <table>
          <thead>
            <tr>
              <th>Browser</th>
              <th>Address</th>
              <th>Since</th>
              <ActionHead />
            </tr>
          </thead>
          <tbody>
            {sessions.map((one) => (
              <tr key={one.id}>
                <td>
                  {browserWords(one.userAgent)}
                  {one.isThis && <b> this one</b>}
                </td>
                <td className="mono">{one.address ?? 'unknown'}</td>
                <td className="dim">{clock.when(one.createdAt, now)}</td>
                <td className="num">
                  {!one.isThis && (
                    <Button size="slim" label={`End the session of ${browserWords(one.userAgent)}`} onClick={() => end.mutate(one.id)}>
                      End
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {error && <Failure what="The sessions stay as they are" error={error} />}
        <div>
          <Button refusal={sessions.length < 2 ? 'There is no other session.' : undefined} onClick={() => endOthers.mutate()}>
            End all others
          </Button>
        </div>
      </div>
    </section>
  );
}
