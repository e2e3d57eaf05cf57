import type { AuditEntry } from '../../../proto/http/audit.ts';

/** What an entry says, with who it was in bold. */
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
