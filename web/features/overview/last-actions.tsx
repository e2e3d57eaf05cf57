'use client';

import { useQuery } from '@tanstack/react-query';
import { useClock, useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { toListScope, useScope } from '../../lib/scope.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { useRowLink } from '../../ui/list.tsx';
import { StateIcon } from '../../ui/state.tsx';
import { OUTCOMES } from '../../../client/words/audit-words.ts';
import { Sentence } from '../audit/sentence.tsx';

/** The last decisions, as sentences. */
export function LastActions() {
  const { ids } = useScope();
  const refusal = useRefusal('audit.read');
  const rowLink = useRowLink();
  const clock = useClock();
  const now = useNow(60_000);
  const { data, error } = useQuery({ ...queries.audit({ limit: 10, ...toListScope(ids) }), enabled: refusal === undefined });
  return (
    <section aria-label="Last actions">
      <div className="sec-head">
        <h2>Last actions</h2>
        <span className="grow" />
        {!refusal && (
          <Link className="link" href="/audit">
            Audit
          </Link>
        )}
      </div>
      {refusal ? (
        <p className="dim small">{refusal}</p>
      ) : error && !data ? (
        <Failure what="The audit could not be read" error={error} />
      ) : !data ? (
        <Skeleton lines={5} />
      ) : data.items.length === 0 ? (
        <p className="dim">Nothing has been decided yet.</p>
      ) : (
        <ul className="acts">
          {data.items.map((entry) => (
            <li key={entry.id} {...rowLink({ path: `/audit?entry=${entry.id}` })}>
              <time dateTime={entry.at}>{clock.when(entry.at, now)}</time>
              <StateIcon kind={OUTCOMES[entry.outcome]} word={entry.outcome} isSmall />
              <Link href={`/audit?entry=${entry.id}`}>
                <Sentence entry={entry} />
                {entry.ticket && `, ticket ${entry.ticket}`}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
