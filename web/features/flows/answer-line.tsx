'use client';

import { IconRefresh } from '@tabler/icons-react';
import type { z } from 'zod';
import type { gatewayAnswer } from '../../../proto/http/flows.ts';
import { useNow } from '../../lib/clock.tsx';
import { Button } from '../../ui/button.tsx';
import { lasting } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { State } from '../../ui/state.tsx';

type Answer = z.output<typeof gatewayAnswer>;

interface AnswerLineProps {
  gateways: Answer[];
  isFetching: boolean;
  /** Why the rows shown could not be refreshed. */
  failed: Error | undefined;
  /** True if the rows shown answer an earlier query. */
  isOther: boolean;
  onRefresh(): void;
}

/** Which gateways answered and which did not, how old the snapshot is, and the button that takes a new one. */
export function AnswerLine({ gateways, isFetching, failed, isOther, onRefresh }: AnswerLineProps) {
  const now = useNow();
  useKey('r', onRefresh);
  const missing = gateways.filter(({ state }) => state !== 'answered');
  const times = gateways.flatMap(({ snapshotAt }) => (snapshotAt ? [Date.parse(snapshotAt)] : []));
  const age = now === undefined || times.length === 0 ? undefined : Math.max(0, now - Math.min(...times)) / 1000;
  return (
    <div className="row small answer-line">
      <span className="grow" />
      {failed ? (
        <span className="ellipsis" role="alert" title={failed.message}>
          <State kind="critical" isSmall>
            {isOther ? 'Not searched: these rows are of the filter before' : 'Not refreshed'}
          </State>{' '}
          <span className="dim2">{failed.message}</span>
        </span>
      ) : (
        gateways.length > 0 &&
        (missing.length === 0 ? (
          <span className="dim">
            {gateways.length === 1 ? `${gateways[0]!.name} answered` : `All ${gateways.length} gateways answered`}
          </span>
        ) : (
          <span title={missing.map((one) => `${one.name}: ${one.state}${one.reason ? `, ${one.reason}` : ''}`).join('\n')}>
            <State kind="warn" isSmall>
              {answerSentence(gateways)}
            </State>
          </span>
        ))
      )}
      {age !== undefined && <span className={`pill ${failed || age > 120 ? 'amber' : ''}`}>Snapshot {lasting(age)} old</span>}
      <Button size="slim" icon={IconRefresh} keys="r" onClick={onRefresh} refusal={isFetching ? 'A snapshot is being taken.' : undefined}>
        Refresh
      </Button>
    </div>
  );
}

/** "2 of 3 gateways answered; milano-gw3: offline since 09:12", with the first of those missing and how many more. */
export function answerSentence(gateways: Answer[]): string {
  const missing = gateways.filter(({ state }) => state !== 'answered');
  const [first] = missing;
  const rest = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
  return `${gateways.length - missing.length} of ${gateways.length} gateways answered${first ? `; ${first.name}: ${first.reason ?? first.state}${rest}` : ''}`;
}
