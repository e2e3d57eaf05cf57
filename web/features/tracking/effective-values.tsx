'use client';

import { Fragment } from 'react';
import type { PolicyChangeView } from '../../../proto/http/effective-policy.ts';
import type { GatewayPolicy } from '../../../proto/http/policies.ts';
import { parseDuration } from '../../../proto/model/duration.ts';
import { counted, setTo } from '../../../client/words/format.ts';
import { changeWords, originWords } from '../../../client/words/policy-words.ts';
import { Link } from '../../lib/link.tsx';
import { State } from '../../ui/state.tsx';

/** What policies want here beside what the gateway has, and from which policy each value is. */
export function EffectiveValues({ policy: { effective, difference, warnings, state } }: { policy: GatewayPolicy }) {
  const changes = Map.groupBy(difference?.changes ?? [], ({ path }) => path);
  const gone = difference?.changes.filter(({ origin }) => origin === undefined) ?? [];
  return (
    <>
      <div className="sec-head">
        <h2>Policy</h2>
        <span className="dim">{summaryOf(effective.values.length, difference?.changes.length, state === 'answered')}</span>
      </div>
      {warnings.map(({ code, path, severity, message, reason }) => (
        <p key={`${code}${path}`} className="small">
          <State kind={severity === 'danger' ? 'critical' : severity === 'caution' ? 'warn' : 'never'}>{message}</State>{' '}
          <span className="dim2">{reason}</span>
        </p>
      ))}
      {effective.values.length > 0 && (
        <table data-density="compact" className="effective">
          <thead>
            <tr>
              <th>Value</th>
              <th>To be</th>
              <th>Now</th>
              <th>From</th>
            </tr>
          </thead>
          <tbody>
            {effective.values.map(({ path, text, rule, origin }) => (
              <tr key={path}>
                <td>{rule ? `rule ${rule.name}` : breakable(path)}</td>
                <td className="strong" title={rule && text}>
                  {rule ? ruleInShort(text) : valueWords(path, text)}
                </td>
                <td>
                  {difference ? (
                    <Now changes={changes.get(path)?.filter((change) => change.origin) ?? []} />
                  ) : (
                    <span className="dim">not known</span>
                  )}
                </td>
                <td>
                  {origin.policyId === undefined ? (
                    <span className="dim2">{originWords(origin)}</span>
                  ) : (
                    <Link className="link" href={`/policies/${origin.policyId}`}>
                      {originWords(origin)}
                    </Link>
                  )}
                </td>
              </tr>
            ))}
            {gone.map((change) => (
              <tr key={`gone ${change.path}${changeWords(change).what}`}>
                <td>{changeWords(change).what}</td>
                <td className="strong">{changeWords(change).to}</td>
                <td>
                  <Now changes={[change]} />
                </td>
                <td className="dim2">no policy</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Now({ changes }: { changes: readonly PolicyChangeView[] }) {
  if (changes.length === 0)
    return (
      <State kind="ok" isSmall>
        the same
      </State>
    );
  return (
    <>
      {changes.map((change) => {
        const { what, from } = changeWords(change);
        const isHelper = change.on === 'helper';
        return (
          <p key={what}>
            <State kind={change.verdict.kind === 'refused' ? 'protected' : 'warn'} isSmall>
              {isHelper ? `${change.helper} ${from}` : from}
            </State>
            {change.verdict.kind === 'refused' && <span className="small dim2"> {change.verdict.reason}</span>}
          </p>
        );
      })}
    </>
  );
}

function summaryOf(values: number, changes: number | undefined, isAnswered: boolean): string {
  if (values === 0) return 'no policy reaches this gateway; it stays as it is';
  const differ = !isAnswered
    ? 'the gateway does not tell what it has'
    : changes === 0
      ? 'all as they are to be'
      : `${counted(changes ?? 0, 'difference')}`;
  return `${counted(values, 'value')}, ${differ}`;
}

/** A timeout as the settings beside it are written. */
function valueWords(path: string, text: string): string {
  const seconds = path.startsWith('timeouts.') ? parseDuration(text) : undefined;
  return seconds === undefined ? text : setTo(seconds);
}

/** The lines of a rule after its name, in one. */
function ruleInShort(text: string): string {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(', ')
    .replaceAll(':,', ':');
}

/** A path that may break after its dots, not within a word. */
function breakable(path: string) {
  return path.split(/(?<=\.)/).map((part) => (
    <Fragment key={part}>
      {part}
      <wbr />
    </Fragment>
  ));
}
