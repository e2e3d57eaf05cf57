'use client';

import { IconX } from '@tabler/icons-react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { useClock, useNow } from '../../lib/clock.tsx';
import { Link } from '../../lib/link.tsx';
import { Button } from '../../ui/button.tsx';
import { CopyBlock } from '../../ui/copy.tsx';
import { lasting } from '../../../client/words/format.ts';
import { explain } from '../../../client/words/flow-explanation.ts';
import { FlowEnding } from './flow-ending.tsx';
import { FlowPath } from './flow-path.tsx';
import { conntrackCommand } from '../../../client/words/flow-words.ts';
import { idleWords } from '../../../client/words/idle-words.ts';
import type { Ending } from './use-ending.ts';

interface FlowPanelProps {
  flow: FlowRow;
  gateway: Gateway | undefined;
  refusal: string | undefined;
  ending: Ending | undefined;
  onEnd(): void;
  onSure(): void;
  onKeep(): void;
  onClose(): void;
}

/** One flow: its path through the gateway, what it means in words, the facts, and the button that ends exactly this flow. */
export function FlowPanel({ flow, gateway, refusal, ending, onEnd, onSure, onKeep, onClose }: FlowPanelProps) {
  const clock = useClock();
  const now = useNow(5000);
  const { title, text, tone } = explain(flow, gateway);
  const full = flow.idleSeconds !== undefined && flow.timeoutSeconds !== undefined ? flow.idleSeconds + flow.timeoutSeconds : undefined;
  return (
    <aside className="panel" aria-label="Flow">
      <div className="row">
        <h2 className="grow">{title}</h2>
        <Button kind="quiet" icon={IconX} label="Close the flow" onClick={onClose} />
      </div>
      <div className="panel-body">
        <FlowPath flow={flow} gateway={gateway} />
        <p className={`note ${tone}`}>{text}</p>
        <dl className="kv">
          <dt>Gateway</dt>
          <dd>
            <Link className="link" href={`/gateways/${flow.gatewayId}`}>
              {gateway?.name ?? 'not known'}
            </Link>
            , zone {flow.zone}
          </dd>
          <dt>Mark</dt>
          <dd className="mono">0x{flow.mark.toString(16)}</dd>
          <dt>Timeout</dt>
          <dd>
            {flow.timeoutSeconds === undefined
              ? 'not known'
              : `${lasting(flow.timeoutSeconds)} left${full === undefined ? '' : ` of ${lasting(full)}`}`}
          </dd>
          <dt>Idle</dt>
          <dd>{idleWords(flow)}</dd>
          <dt>Started</dt>
          <dd>
            {flow.startedAt
              ? `${clock.full(flow.startedAt)}${now === undefined ? '' : `, ${lasting((now - Date.parse(flow.startedAt)) / 1000)} ago`}`
              : 'not known: the gateway keeps no start times'}
          </dd>
          <dt>Status</dt>
          <dd>{flow.status.join(', ')}</dd>
          {flow.labels.length > 0 && (
            <>
              <dt>Labels</dt>
              <dd>{flow.labels.join(', ')}</dd>
            </>
          )}
          {flow.helper && (
            <>
              <dt>Helper</dt>
              <dd>{flow.helper}</dd>
            </>
          )}
          {flow.master && (
            <>
              <dt>Opened by</dt>
              <dd className="mono">
                {flow.master.proto} {flow.master.orig.src} → {flow.master.orig.dst}
              </dd>
            </>
          )}
          <dt>Kernel id</dt>
          <dd className="mono">{flow.id}</dd>
        </dl>
        <div>
          <h3>Same with conntrack on the gateway</h3>
          <CopyBlock text={conntrackCommand(flow)} label="conntrack command" />
        </div>
      </div>
      <FlowEnding ending={ending} refusal={flow.protectedBy ? `Protected: ${flow.protectedBy}` : refusal} {...{ onEnd, onSure, onKeep }} />
    </aside>
  );
}
