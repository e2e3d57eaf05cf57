import type { Gateway } from '../../../proto/http/fleet.ts';
import { State } from '../../ui/state.tsx';
import { guardLines } from '../../../client/words/gateway-words.ts';

/** What the gateway's owner allows, as reported when the gateway connected. */
export function GuardFacts({ gateway: { guard } }: { gateway: Gateway }) {
  const lines = guard && guardLines(guard);
  return (
    <>
      <div className="sec-head">
        <h2>Guard</h2>
        <span className="dim">what its owner allows; nobody here can change it</span>
      </div>
      {!lines && <p className="dim">Not known: it has not said yet.</p>}
      {lines?.length === 0 && <p className="dim">It has not said of any limit.</p>}
      <ul className="mini capabilities">
        {lines?.map(({ kind, word, text }) => (
          <li key={`${word} ${text}`}>
            <State kind={kind} isSmall>
              {word}
            </State>
            <span className="dim2">{text}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
