'use client';

import './standing-blocks.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Block } from '../../../proto/http/blocks.ts';
import { routes } from '../../../proto/http/routes.ts';
import { useNow } from '../../lib/clock.tsx';
import { useRefusal } from '../../lib/controller/access.ts';
import { call } from '../../lib/controller/client.ts';
import * as queries from '../../lib/controller/queries.ts';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { minutesAndSeconds } from '../../../client/words/format.ts';
import { asSentence, soFarWords } from '../../../client/words/block-words.ts';

/**
 * Blocks now standing of one flush or on one gateway, with what each has refused so far; each can be lifted. Renders nothing if there are
 * none, unless `none` is given.
 */
export function StandingBlocks({ asked, none }: { asked: { gateway?: string; flush?: string }; none?: string }) {
  const { data, error } = useQuery(queries.blocks(asked));
  if (error && !data) return <Failure what="What is blocked could not be read" error={error} stillWorks="Blocks stand for their time." />;
  if (!data || (data.items.length === 0 && none === undefined)) return null;
  return (
    <section aria-label="Blocked now">
      <div className="sec-head">
        <h2>Blocked now</h2>
        <span className="dim">ends by itself, also when the agent or the controller is gone</span>
      </div>
      {data.items.length === 0 ? (
        <p className="dim">{none}</p>
      ) : (
        <ul className="blocks">
          {data.items.map((block) => (
            <StandingBlock key={block.id} block={block} isGatewayNamed={asked.gateway === undefined} />
          ))}
        </ul>
      )}
    </section>
  );
}

function StandingBlock({ block, isGatewayNamed }: { block: Block; isGatewayNamed: boolean }) {
  const client = useQueryClient();
  const now = useNow();
  const refusal = useRefusal('plans.run', [block.tenantId]);
  const lift = useMutation({
    mutationFn: () => call(routes.liftBlock, { params: { id: block.id } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['blocks'] }),
  });
  const isLifting = block.state === 'lifting' || lift.isPending || lift.isSuccess;
  return (
    <li>
      <div className="grow">
        <b>{asSentence(block.refused.words)}</b>
        <p className="dim2">
          {isGatewayNamed && (
            <>
              <Link href={`/gateways/${block.gatewayId}`}>{block.gatewayName}</Link>:{' '}
            </>
          )}
          <span aria-live="polite">{soFarWords(block)}</span>;{' '}
          {now !== undefined && <>{minutesAndSeconds(Math.max(0, (Date.parse(block.until) - now) / 1000))} left; </>}
          by {block.begunBy}
          {!isGatewayNamed && block.flushId && (
            <>
              , <Link href={`/flushes/${block.flushId}`}>its flush</Link>
            </>
          )}
          {isLifting && block.liftedBy && `; being lifted for ${block.liftedBy}`}
        </p>
        {lift.error && (
          <p className="red small" role="alert">
            {lift.error.message}
          </p>
        )}
      </div>
      <Button
        size="slim"
        refusal={refusal ?? (isLifting ? 'The gateway is told; it is gone from here when it has done it.' : undefined)}
        onClick={() => lift.mutate()}
      >
        {isLifting ? 'Lifting…' : 'Lift'}
      </Button>
    </li>
  );
}
