'use client';

import { IconRefresh } from '@tabler/icons-react';
import type { z } from 'zod';
import type { gatewayAnswer } from '../../../proto/http/flows.ts';
import { useNow } from '../../lib/clock.tsx';
import { Button } from '../../ui/button.tsx';
import { count, counted, lasting } from '../../../client/words/format.ts';
import { useKey } from '../../ui/keys.ts';
import { State } from '../../ui/state.tsx';

type Answer = z.output<typeof gatewayAnswer>;

/** Of the gateways that did not answer, in a tooltip. */
const MAX_LINES = 20;

interface AnswerLineProps {
  gateways: Answer[];
  /** While gateways are asked: how many have answered, and how many will not. */
  filling: { asked: number; answered: number; missing: number } | undefined;
  /** Rows that have arrived and are not shown yet, so that nothing moves under the pointer. */
  more: number;
  onShow(): void;
  isFetching: boolean;
  /** Why the rows shown could not be refreshed. */
  failed: Error | undefined;
  /** True if the rows shown answer an earlier query. */
  isOther: boolean;
  onRefresh(): void;
}

/** Which gateways answered and which did not, how old the snapshot is, and the button that takes a new one. */
export function AnswerLine({ gateways, filling, more, onShow, isFetching, failed, isOther, onRefresh }: AnswerLineProps) {
  const now = useNow();
  useKey('r', onRefresh);
  const missing = gateways.filter(({ state }) => state !== 'answered');
  const times = gateways.flatMap(({ snapshotAt }) => (snapshotAt ? [Date.parse(snapshotAt)] : []));
  const age = now === undefined || times.length === 0 ? undefined : Math.max(0, now - Math.min(...times)) / 1000;
  return (
    <div className="row small answer-line">
      <span className="grow" />
      {more > 0 && (
        <Button size="slim" onClick={onShow}>
          {counted(more, 'more row')} arrived: show
        </Button>
      )}
      {filling ? (
        <span className="dim">{fillingSentence(filling)}</span>
      ) : failed ? (
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
            {gateways.length === 1 ? `${gateways[0]!.name} answered` : `All ${count(gateways.length)} gateways answered`}
          </span>
        ) : (
          <span title={missingLines(missing)}>
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

/** A thin bar that fills as gateways answer; it takes no room, so that nothing moves when it goes. */
export function FillingBar({ filling }: Pick<AnswerLineProps, 'filling'>) {
  if (!filling || filling.asked === 0) return null;
  const done = (filling.answered + filling.missing) / filling.asked;
  return (
    <div
      className="filling-bar"
      role="progressbar"
      aria-label="Gateways that have answered"
      aria-valuenow={filling.answered}
      aria-valuemax={filling.asked}
      aria-valuetext={fillingSentence(filling)}
    >
      <div style={{ transform: `scaleX(${done})` }} />
    </div>
  );
}

/** "612 of 1,000 gateways have answered, 3 do not answer" */
export function fillingSentence({ asked, answered, missing }: NonNullable<AnswerLineProps['filling']>): string {
  const rest = missing === 0 ? '' : `, ${count(missing)} ${missing === 1 ? 'does' : 'do'} not answer`;
  return `${count(answered)} of ${counted(asked, 'gateway')} ${answered === 1 ? 'has' : 'have'} answered${rest}`;
}

/** Those that did not answer, each with its reason; of many the first. */
function missingLines(missing: Answer[]): string {
  const lines = missing.slice(0, MAX_LINES).map((one) => `${one.name}: ${one.state}${one.reason ? `, ${one.reason}` : ''}`);
  return [...lines, ...(missing.length > MAX_LINES ? [`and ${count(missing.length - MAX_LINES)} more`] : [])].join('\n');
}

/** "2 of 3 gateways answered; milano-gw3: offline since 09:12", with the first of those missing and how many more. */
export function answerSentence(gateways: Answer[]): string {
  const missing = gateways.filter(({ state }) => state !== 'answered');
  const [first] = missing;
  const rest = missing.length > 1 ? ` and ${count(missing.length - 1)} more` : '';
  const why = first ? `; ${first.name}: ${first.reason ?? first.state}${rest}` : '';
  return `${count(gateways.length - missing.length)} of ${count(gateways.length)} gateways answered${why}`;
}
