'use client';

import type { z } from 'zod';
import { runsOnGateway, type RemediationDocument } from '../../../proto/http/remediation-document.ts';
import type { checkRemediation } from '../../../proto/http/remediations.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { count, counted } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { MODES } from '../../../client/words/remediation-words.ts';

type Check = z.output<typeof checkRemediation.response>;

/** What the document would do, according to the controller: where, what matches now, when it runs next, when it would have run. */
export function EditorCheck({
  document,
  check,
  error,
  isWorking,
}: {
  document: RemediationDocument | undefined;
  check: Check | undefined;
  error: Error | null;
  isWorking: boolean;
}) {
  if (error && !check)
    return <Failure what="It could not be checked" error={error} stillWorks="It can still be saved; saving checks it too." />;
  if (!document || !check)
    return document ? <Skeleton lines={8} /> : <p className="dim">What it would do shows here once the document is right.</p>;
  return (
    <div className={`stack wide ${isWorking ? 'stale' : ''}`}>
      <div className="sec-head">
        <h2>What it would do</h2>
      </div>
      {check.problems.length > 0 ? (
        <State kind="warn">{counted(check.problems.length, 'problem')}; see the fields</State>
      ) : (
        <State kind="ok">nothing is wrong with it</State>
      )}
      <dl className="kv">
        <dt>Acts on</dt>
        <dd>
          <b>{counted(check.gateways, 'gateway')}</b>
          {runsOnGateway(document) ? ', each by itself' : ', from the controller'}
        </dd>
        <dt>Matches now</dt>
        <dd>
          {check.matchesNow === undefined ? (
            <span className="dim">not known until a WAN is put in</span>
          ) : (
            <b>{counted(check.matchesNow, 'flow')}</b>
          )}
          {check.matchesNow !== undefined && check.matchesNow > document.limits.maxFlows && (
            <span className="amber">, above its limit of {count(document.limits.maxFlows)}: it would do nothing</span>
          )}
        </dd>
        <dt>Then</dt>
        <dd>
          {MODES[document.mode].means}
          {check.secondPerson && <span className="amber"> First it needs a second person: {check.secondPerson}.</span>}
        </dd>
      </dl>
      {check.nextRuns.length > 0 && <NextTimes zones={check.nextRuns} />}
      <Fired check={check} document={document} />
    </div>
  );
}

/** The next times on each site's clock and on the reader's, with the effect of daylight saving changes. */
function NextTimes({ zones }: { zones: Check['nextRuns'] }) {
  const clock = useClock();
  const now = useNow(60_000);
  return (
    <div className="stack">
      <h2>Next times</h2>
      {zones.map(({ timeZone, sites, times }) => (
        <div key={timeZone}>
          <h3>
            {timeZone}
            {sites.length > 0 && `: ${sites.slice(0, 4).join(', ')}${sites.length > 4 ? ` and ${sites.length - 4} more` : ''}`}
          </h3>
          <ul className="mini">
            {times.map(({ at, local, note }) => (
              <li key={at} className="next-time">
                <span>{local}</span>
                <span className="dim">
                  {clock.when(at, now)} {clock.zone}
                </span>
                {note && <span className="amber small">{note}</span>}
              </li>
            ))}
          </ul>
        </div>
      ))}
    </div>
  );
}

function Fired({ check, document }: { check: Check; document: RemediationDocument }) {
  const clock = useClock();
  const { wouldHaveFired: fired, forecastNote } = check;
  if (!runsOnGateway(document)) return null;
  return (
    <div className="stack">
      <h2>Last 30 days</h2>
      {forecastNote ? (
        <p className="dim2">{forecastNote}</p>
      ) : fired.length === 0 ? (
        <p className="dim2">It would not have come at all.</p>
      ) : (
        <>
          <p>
            It would have come <b>{fired.length === 1 ? 'once' : `${count(fired.length)} times`}</b>.
          </p>
          <ul className="mini">
            {fired.slice(0, 12).map(({ at, gatewayName, trigger }) => (
              <li key={`${at}${gatewayName}`}>
                <span>{clock.full(at)}</span>
                <span className="dim">
                  {gatewayName}, {trigger}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
