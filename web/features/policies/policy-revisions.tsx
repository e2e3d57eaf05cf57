'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PolicyRevision } from '../../../proto/http/saved-policies.ts';
import { hunksOf, lineDiff } from '../../../client/words/line-diff.ts';
import { useClock } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Failure, Skeleton } from '../../ui/feedback.tsx';

const SIGNS = { same: ' ', added: '+', removed: '−' } as const;
const WORDS = { same: '', added: 'added: ', removed: 'removed: ' } as const;

/** The last revisions, each with what it changed in the one before. */
export function PolicyRevisions({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(queries.policyRevisions(id));
  const [open, setOpen] = useState<number>();
  const clock = useClock();
  if (error && !data) return <Failure what="The revisions could not be read" error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton lines={3} />;
  return (
    <ul className="revisions">
      {data.map((one, index) => (
        <li key={one.revision}>
          <button
            type="button"
            className="link"
            aria-expanded={open === one.revision}
            onClick={() => setOpen(open === one.revision ? undefined : one.revision)}
          >
            Revision {one.revision}
          </button>{' '}
          <span className="dim2">
            {clock.full(one.changedAt)}, {one.managedBy ? `${one.managedBy.name} at ${one.managedBy.revision}` : one.changedBy}, for{' '}
            {one.target}
          </span>
          {open === one.revision && <Diff before={data[index + 1]} after={one} />}
        </li>
      ))}
    </ul>
  );
}

function Diff({ before, after }: { before: PolicyRevision | undefined; after: PolicyRevision }) {
  if (before?.digest === after.digest) return <p className="small dim2">The document is the same.</p>;
  const lines = hunksOf(lineDiff(before?.document ?? '', after.document)).map((line, place) => ({ line, place }));
  return (
    <pre className="code diff" aria-label={`What revision ${after.revision} changed`}>
      {lines.map(({ line, place }) => (
        <span key={place} className={line?.kind ?? 'dim'}>
          {line ? (
            <>
              <span className="sr">{WORDS[line.kind]}</span>
              <span aria-hidden>{SIGNS[line.kind]} </span>
              {line.text}
            </>
          ) : (
            '  …'
          )}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
