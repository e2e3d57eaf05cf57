import { IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Gateway } from '../../../proto/http/fleet.ts';
import type { FlowRow } from '../../../proto/http/flows.ts';
import { Address } from '../../ui/copy.tsx';
import { count, short } from '../../../client/words/format.ts';
import { State } from '../../ui/state.tsx';
import { translated } from '../../../client/words/flow-words.ts';
import { wanFault } from '../../../proto/model/wan-fault.ts';

/** Both tuples as a path from client to server, top to bottom. A solid leg carries packets; a dashed red one does not. */
export function FlowPath({ flow, gateway }: { flow: FlowRow; gateway: Gateway | undefined }) {
  const nat = translated(flow);
  const wan = gateway?.wans.find(({ name }) => name.toLowerCase() === flow.wan?.toLowerCase());
  const isAnswered = flow.status.includes('replied');
  return (
    <ol className="path" aria-label="Path of the flow">
      <li>
        <Node isOpen>Client</Node>
        <Address value={flow.orig.src} port={flow.orig.sport} />
      </li>
      <Leg isCarrying>
        <span>
          Original tuple: to <span className="mono">{endpoint(flow.orig.dst, flow.orig.dport)}</span>
        </span>
        <span>{traffic(flow.origPackets, flow.origBytes)}</span>
      </Leg>
      <li>
        <Node>
          {gateway?.name ?? 'Gateway'}
          {nat && <span className="dim"> {nat.kind} NAT</span>}
        </Node>
        {nat ? <Address value={nat.address} port={nat.port} /> : <span className="dim">no translation</span>}{' '}
        {wan &&
          (wanFault(wan) !== undefined ? (
            <State kind="critical" isSmall>
              {wan.name} {wanFault(wan)}
            </State>
          ) : (
            <span className="dim">{wan.name}</span>
          ))}
      </li>
      <Leg isCarrying={isAnswered}>
        <span>
          Reply tuple: to <span className="mono">{endpoint(flow.reply.dst, flow.reply.dport)}</span>
        </span>
        {isAnswered ? (
          <span>{traffic(flow.replyPackets, flow.replyBytes)}</span>
        ) : (
          <span className="red">
            <IconX className="i s" stroke={1.5} aria-hidden /> nothing came back
          </span>
        )}
      </Leg>
      <li>
        <Node isOpen>Server</Node>
        <Address value={flow.reply.src} port={flow.reply.sport} />
      </li>
    </ol>
  );
}

function Node({ children, isOpen }: { children: ReactNode; isOpen?: boolean }) {
  return (
    <div className={`node ${isOpen ? 'open' : ''}`}>
      <b>{children}</b>
    </div>
  );
}

function Leg({ children, isCarrying }: { children: ReactNode; isCarrying?: boolean }) {
  return <li className={`leg ${isCarrying ? '' : 'broken'}`}>{children}</li>;
}

function traffic(packets: string | undefined, bytes: string | undefined): string {
  return packets === undefined || bytes === undefined
    ? 'packets are not counted here'
    : `${count(Number(packets))} packets, ${short(Number(bytes))}${Number(bytes) < 1000 ? ' ' : ''}B`;
}

function endpoint(address: string, port: number | undefined): string {
  return port === undefined ? address : `${address}:${port}`;
}
