'use client';

import './tracking.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { IconRefresh } from '@tabler/icons-react';
import type { ActualPolicyView } from '../../../proto/http/policies.ts';
import { useClock } from '../../lib/clock.tsx';
import * as queries from '../../lib/controller/queries.ts';
import { Button } from '../../ui/button.tsx';
import { Failure, Skeleton } from '../../ui/feedback.tsx';
import { useKept } from '../../ui/kept.ts';
import { useKey } from '../../ui/keys.ts';
import { State } from '../../ui/state.tsx';
import { StandingLine } from '../compliance/standing-line.tsx';
import { EffectiveValues } from './effective-values.tsx';
import { Expectations } from './expectations.tsx';
import { ForeignRules } from './foreign-rules.tsx';
import { Helpers } from './helpers.tsx';
import { OwnTable } from './own-table.tsx';
import { SettingTable } from './setting-table.tsx';
import { WhyNoEntry } from './why-no-entry.tsx';

const UNANSWERED = { slow: 'did not answer in time', offline: 'cannot be asked', failed: 'could not answer' } as const;

/** What a gateway is set to now: read from it when this is opened, and again on request. */
export function TrackingView({ gatewayId, tenantId }: { gatewayId: string; tenantId: string }) {
  const { data, error, isFetching, refetch } = useQuery(queries.gatewayPolicy(gatewayId));
  const actual = useKept(data?.actual);
  const client = useQueryClient();
  const again = () => {
    void refetch();
    void client.invalidateQueries({ queryKey: queries.expectations(gatewayId).queryKey });
  };
  useKey('r', again);
  if (error && !data)
    return (
      <div className="tracking-wait">
        <Failure what="What the gateway is set to could not be asked" error={error} stillWorks="The gateway goes on." onRetry={again} />
      </div>
    );
  if (!data)
    return (
      <div className="tracking-wait">
        <Skeleton lines={12} />
      </div>
    );
  const isOld = data.state !== 'answered' || error !== null;
  return (
    <>
      <StandingLine gatewayId={gatewayId} tenantId={tenantId} />
      <ReadLine readAt={actual?.readAt} isFetching={isFetching} onAgain={again} />
      {data.state !== 'answered' && (
        <p className="note amber tracking-note">
          <State kind="offline">The gateway {UNANSWERED[data.state]}</State> <span className="dim2">{data.reason}.</span>
        </p>
      )}
      {!actual && (
        <div className="tracking-wait">
          <EffectiveValues policy={data} />
        </div>
      )}
      {actual && (
        <div className={isOld ? 'tracking stale' : 'tracking'}>
          <section>
            <Unread actual={actual} />
            <SettingTable settings={actual.settings} />
          </section>
          <section>
            <EffectiveValues policy={data} />
            <WhyNoEntry gatewayId={gatewayId} />
            <ForeignRules foreign={actual.foreign} />
            <OwnTable actual={actual} />
            <Helpers helpers={actual.helpers} />
            <Expectations gatewayId={gatewayId} tenantId={tenantId} />
          </section>
        </div>
      )}
    </>
  );
}

function ReadLine({ readAt, isFetching, onAgain }: { readAt: string | undefined; isFetching: boolean; onAgain(): void }) {
  const clock = useClock();
  return (
    <div className="row tracking-line">
      <span className="dim2" role="status">
        {isFetching ? 'Reading from the gateway' : readAt ? `Read from the gateway at ${clock.seconds(readAt)}` : 'Nothing was read'}
      </span>
      <span className="grow" />
      <Button size="slim" icon={IconRefresh} keys="r" onClick={onAgain}>
        Read again
      </Button>
    </div>
  );
}

/** What could not be read, so that nothing seems to be absent that was only not seen. */
function Unread({ actual: { unread } }: { actual: ActualPolicyView }) {
  if (unread.length === 0) return null;
  return (
    <ul className="note amber tracking-note">
      {unread.map((why) => (
        <li key={why}>{why}</li>
      ))}
    </ul>
  );
}
