import { brief, size } from '../client/words/format.ts';
import { flowState, translated } from '../client/words/flow-words.ts';
import type { FlowRow } from '../proto/http/flows.ts';
import { formatMark } from '../proto/model/mark.ts';
import type { Column } from './output/columns.ts';

/** The columns of flows. CSV has both tuples in columns of their own. */
export function flowColumns(nameOf: (gatewayId: string) => string, nowMs: number): Column<FlowRow>[] {
  return [
    { name: 'gateway', of: ({ gatewayId }) => nameOf(gatewayId) },
    { name: 'wan', of: ({ wan }) => wan, isWide: true },
    { name: 'proto', of: ({ proto }) => proto },
    { name: 'source', of: ({ orig }) => endpoint(orig.src, orig.sport) },
    { name: 'destination', of: ({ orig }) => endpoint(orig.dst, orig.dport) },
    { name: 'nat', of: natOf, shown: (flow) => natOf(flow) ?? '–' },
    { name: 'state', of: (flow) => flowState(flow).word },
    {
      name: 'age',
      of: ({ startedAt }) => ageSeconds(startedAt, nowMs),
      shown: ({ startedAt }) => brief(ageSeconds(startedAt, nowMs)),
      isWide: true,
      isRight: true,
    },
    { name: 'idle', of: ({ idleSeconds }) => idleSeconds, shown: ({ idleSeconds }) => brief(idleSeconds), isRight: true },
    { name: 'timeout', of: ({ timeoutSeconds }) => timeoutSeconds, shown: (flow) => brief(flow.timeoutSeconds), isRight: true },
    { name: 'bytes', of: bytesOf, shown: (flow) => sizeOf(bytesOf(flow)), isWide: true, isRight: true },
    { name: 'mark', of: ({ mark }) => formatMark({ value: mark, mask: 0xffff_ffff }), isWide: true },
    { name: 'zone', of: ({ zone }) => zone, isWide: true, isRight: true },
    { name: 'status', of: ({ status }) => status.join(' '), isWide: true },
    { name: 'id', of: ({ id }) => id, isWide: true, isRight: true },
  ];
}

/** Both tuples, an address or port to a column. */
export function tupleColumns(): Column<FlowRow>[] {
  return (['orig', 'reply'] as const).flatMap((side): Column<FlowRow>[] => [
    { name: `${side} src`, of: (flow) => flow[side].src },
    { name: `${side} sport`, of: (flow) => flow[side].sport },
    { name: `${side} dst`, of: (flow) => flow[side].dst },
    { name: `${side} dport`, of: (flow) => flow[side].dport },
  ]);
}

/** A flow for scripts: its gateway and the kernel's id. */
export function flowName({ gatewayId, id }: FlowRow, nameOf: (gatewayId: string) => string): string {
  return `${nameOf(gatewayId)}/${id}`;
}

function endpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function natOf(flow: FlowRow): string | undefined {
  const nat = translated(flow);
  return nat && endpoint(nat.address, nat.port);
}

function ageSeconds(startedAt: string | undefined, nowMs: number): number | undefined {
  return startedAt === undefined ? undefined : Math.max(0, Math.floor((nowMs - Date.parse(startedAt)) / 1000));
}

function bytesOf({ origBytes, replyBytes }: FlowRow): string | undefined {
  return origBytes === undefined || replyBytes === undefined ? undefined : String(BigInt(origBytes) + BigInt(replyBytes));
}

function sizeOf(bytes: string | undefined): string {
  return bytes === undefined ? '–' : size(Number(bytes));
}
