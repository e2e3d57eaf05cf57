import type { Flush } from '../../../proto/http/flushes.ts';
import { count } from '../../../client/words/format.ts';
import { doneOf, doneWord, segments } from '../../../client/words/flush-words.ts';

/** The planned flows as one bar, split by outcome. */
export function FlushTotal({ flush }: { flush: Flush }) {
  const parts = segments(flush);
  return (
    <div className="pad">
      <div
        className="total"
        role="progressbar"
        aria-label={`Flows ${doneWord(flush)}`}
        aria-valuemin={0}
        aria-valuemax={flush.totals.planned}
        aria-valuenow={doneOf(flush.totals)}
      >
        {parts.map(({ name, flows, tone }) => (
          <i key={name} className={tone} style={{ flex: `${flows} 0 4px` }} />
        ))}
      </div>
      <ul className="legend">
        {parts.map(({ name, flows, tone }) => (
          <li key={name}>
            <i className={tone} />
            <b>{count(flows)}</b> {name}
          </li>
        ))}
      </ul>
    </div>
  );
}
