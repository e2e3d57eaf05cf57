import type { ActualPolicyView } from '../../../proto/http/policies.ts';
import { findCommand, hookWords, placeWords, rankedRules, sayingWords } from '../../../client/words/tracking-words.ts';
import { count, counted } from '../../../client/words/format.ts';
import { Command } from '../../ui/copy.tsx';
import { State } from '../../ui/state.tsx';

type Foreign = ActualPolicyView['foreign'];
type Place = Foreign['rules'][number]['place'];

/** What everybody else's rules say about tracking, each with where it stands. */
export function ForeignRules({ foreign: { rules, undecoded, unread, left } }: { foreign: Foreign }) {
  return (
    <>
      <div className="sec-head">
        <h2>Rules of others about tracking</h2>
        <span className="dim">{rules.length > 0 && count(rules.length)}</span>
      </div>
      {unread.map((why) => (
        <p key={why} className="note amber small">
          {why}
        </p>
      ))}
      {rules.length === 0 && unread.length === 0 && <p className="dim">No rule outside of our own table says anything about tracking.</p>}
      <ul className="told">
        {rankedRules(rules).map(({ place, says, text, comment }) => (
          <li key={keyOf(place)}>
            <p>
              <b>{says.map(sayingWords).join('; ')}</b>
              {comment !== undefined && <span className="dim"> “{comment}”</span>}
            </p>
            <Where place={place} />
            <p className="mono small dim2">{text}</p>
          </li>
        ))}
      </ul>
      {left > 0 && <p className="note amber small">{counted(left, 'more rule')} of this gateway did not fit into its answer.</p>}
      {undecoded.length > 0 && (
        <>
          <div className="sec-head">
            <h2>Rules that cannot be decoded</h2>
            <span className="dim">what they say about tracking is not known</span>
          </div>
          <ul className="told">
            {undecoded.map(({ place, parts, text }) => (
              <li key={keyOf(place)}>
                <p>
                  <State kind="never" isSmall>
                    {parts.join(', ')}
                  </State>
                </p>
                <Where place={place} />
                <p className="mono small dim2">{text}</p>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Where({ place }: { place: Place }) {
  const command = findCommand(place);
  return (
    <p className="small where">
      <span>{placeWords(place)}</span>
      <span className="dim">handle {place.handle}</span>
      <span className="dim">{hookWords(place)}</span>
      {command !== undefined && <Command text={command} />}
    </p>
  );
}

function keyOf({ family, table, chain, position }: Place): string {
  return `${family} ${table} ${chain} ${position}`;
}
