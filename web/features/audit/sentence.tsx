import type { AuditEntry } from '../../../proto/http/audit.ts';

/** An entry's summary, with the actor in bold. */
export function Sentence({ entry: { actor, summary } }: { entry: Pick<AuditEntry, 'actor' | 'summary'> }) {
  return summary.startsWith(actor.name) ? (
    <>
      <b>{actor.name}</b>
      {summary.slice(actor.name.length)}
    </>
  ) : (
    <>{summary}</>
  );
}
