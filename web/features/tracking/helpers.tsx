import type { ActualPolicyView } from '../../../proto/http/policies.ts';
import { HELPERS } from '../../../proto/model/policy/helpers.ts';
import { HELPER_STATES } from '../../../client/words/tracking-words.ts';
import { State } from '../../ui/state.tsx';

/** Which helpers this kernel has, how that is known, and what does not work without them. */
export function Helpers({ helpers }: { helpers: ActualPolicyView['helpers'] }) {
  return (
    <>
      <div className="sec-head">
        <h2>Helpers</h2>
        <span className="dim">of this kernel; a rule has to assign them</span>
      </div>
      {helpers.length === 0 && <p className="dim">This gateway has told of none.</p>}
      <ul className="helpers small">
        {helpers.map(({ name, state, evidence }) => (
          <li key={name} title={evidence}>
            <span className="mono">{name}</span>
            <State kind={HELPER_STATES[state].kind} isSmall>
              {HELPER_STATES[state].word}
            </State>
            <span className="dim2">
              {state === 'unknown' || state === 'missing'
                ? evidence
                : `For ${HELPERS[name]?.help ?? 'a protocol that ctfleet does not know'}.`}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
