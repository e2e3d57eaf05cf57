'use client';

import type { RemediationRun } from '../../../proto/http/remediations.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { counted } from '../../../client/words/format.ts';

const DAY_MS = 86_400_000;
const SPANS = [1, 7, 30];

/** The last runs on a time line, each as high as the flows it found: enough to see whether they come in bursts. */
export function RunStrip({ runs }: { runs: RemediationRun[] | undefined }) {
  const now = useNow(60_000);
  const clock = useClock();
  if (!runs || now === undefined) return <div className="strip-box" />;
  const oldest = Math.min(now, ...runs.map(({ triggeredAt }) => Date.parse(triggeredAt)));
  const days = SPANS.find((span) => now - oldest <= span * DAY_MS) ?? 30;
  const from = now - days * DAY_MS;
  const shown = runs.filter(({ triggeredAt }) => Date.parse(triggeredAt) >= from);
  const most = Math.max(1, ...shown.map(({ matched }) => matched));
  return (
    <div className="strip-box pad">
      <div className="strip" role="img" aria-label={`${counted(shown.length, 'run')} in ${days === 1 ? 'a day' : `${days} days`}`}>
        {shown.map((run) => (
          <i
            key={run.id}
            className={run.state}
            title={`${clock.full(run.triggeredAt)}: ${run.remediationName}, ${run.state}`}
            style={{
              left: `calc((100% - 3px) * ${Math.min(1, (Date.parse(run.triggeredAt) - from) / (now - from))})`,
              height: `${20 + 80 * Math.sqrt(run.matched / most)}%`,
            }}
          />
        ))}
      </div>
      <div className="row small dim">
        <span>{days === 1 ? 'a day ago' : clock.when(from, now)}</span>
        <span className="grow" />
        <span>
          {shown.length === 0
            ? `no run in ${days === 1 ? 'a day' : `${days} days`}`
            : `${counted(shown.length, 'run')}; as high as the flows it found`}
        </span>
        <span className="grow" />
        <span>now</span>
      </div>
    </div>
  );
}
