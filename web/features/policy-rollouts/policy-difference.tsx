import { Fragment } from 'react';
import type { PolicyChangeView, PolicyDifferenceView } from '../../../proto/http/effective-policy.ts';
import { changeWords, originWords } from '../../../client/words/policy-words.ts';
import { State } from '../../ui/state.tsx';

/** What would be set on a gateway, from what to what and by which policy, and what goes with it. */
export function PolicyDifference({ difference: { changes, isReordered, strange } }: { difference: PolicyDifferenceView }) {
  return (
    <>
      {changes.length > 0 && <Changes changes={changes} />}
      {isReordered && <p className="small dim2">Rules that stay are in another order.</p>}
      {strange.map((what) => (
        <p key={what} className="small note amber">
          Goes with it, since it is not by us: {what}
        </p>
      ))}
    </>
  );
}

function Changes({ changes }: { changes: readonly PolicyChangeView[] }) {
  return (
    <table data-density="compact" className="changes">
      <thead>
        <tr>
          <th>Setting</th>
          <th className="num">Now</th>
          <th className="num">Then</th>
          <th>By</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => {
          const { what, from, to } = changeWords(change);
          const refused = change.verdict.kind === 'refused' ? change.verdict.reason : undefined;
          return (
            <Fragment key={`${change.on}${what}`}>
              <tr className={refused === undefined ? undefined : 'goes-on'}>
                <td>{what}</td>
                <td className="num dim2">{from}</td>
                <td className="num">
                  {refused !== undefined ? (
                    <State kind="protected" isSmall>
                      refused
                    </State>
                  ) : (
                    <b>{to}</b>
                  )}
                </td>
                <td className="dim2">{change.origin ? originWords(change.origin) : 'no policy'}</td>
              </tr>
              {refused !== undefined && (
                <tr>
                  <td colSpan={4} className="small dim2">
                    {refused}
                  </td>
                </tr>
              )}
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}
