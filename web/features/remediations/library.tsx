'use client';

import { useQuery } from '@tanstack/react-query';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { triggerWords } from '../../../client/words/remediation-words.ts';

/** Templates of what operators need most. */
export function Library({ refusal }: { refusal: string | undefined }) {
  const { data, error, refetch } = useQuery(queries.builtInRemediations());
  if (error && !data) return <Failure what="The library could not be read" error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton lines={6} height={48} />;
  return (
    <ul className="library" aria-label="Library">
      {data.map(({ key, document, explains }) => (
        <li key={key} className="stack">
          <h2>{document.name}</h2>
          <p className="dim">{triggerWords(document.trigger)}</p>
          <p className="dim2">{explains}</p>
          <pre className="code" tabIndex={0} aria-label={`Filter of ${document.name}`}>
            {document.filter}
          </pre>
          <div>
            {refusal ? (
              <span className="dim small">{refusal}</span>
            ) : (
              <Link className="btn" href={`/remediations/new?from=${key}`}>
                Start from this<span className="sr">: {document.name}</span>
              </Link>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
