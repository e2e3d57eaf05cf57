import type { ActualPolicyView } from '../../../proto/http/policies.ts';
import { counted } from '../../../client/words/format.ts';

/** What our own table holds, which policies make. */
export function OwnTable({ actual: { table, noTable } }: { actual: ActualPolicyView }) {
  return (
    <>
      <div className="sec-head">
        <h2>Our table</h2>
        <span className="dim mono">inet ctfleet_policy</span>
      </div>
      {noTable !== undefined && <p className="note amber small">{noTable}</p>}
      {!table && noTable === undefined && <p className="dim">It is not there: no policy is in force on this gateway.</p>}
      {table && (
        <>
          <p className="small">
            {counted(table.rules.length, 'rule')}
            {table.rules.length > 0 && `: ${table.rules.map(({ name }) => name).join(', ')}`}
            {table.helpers.length > 0 && `. Helpers: ${table.helpers.join(', ')}`}
          </p>
          {table.strange.map((what) => (
            <p key={what} className="note amber small">
              Not as we made it: {what}
            </p>
          ))}
        </>
      )}
    </>
  );
}
