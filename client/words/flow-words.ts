import type { FlowRow } from '../../proto/http/flows.ts';
import type { StateKind } from './state-kind.ts';

/** Names a row among all gateways. */
export function rowKey(flow: FlowRow): string {
  return `${flow.gatewayId}.${flow.id}.${flow.zone}.${endpoint(flow.orig.src, flow.orig.sport)}-${endpoint(flow.orig.dst, flow.orig.dport)}`;
}

/** The state column: the protocol's own state where it has one, else whether anything came back. */
export function flowState({ state, status }: FlowRow): { word: string; kind: StateKind } {
  const isUnreplied = status.includes('unreplied');
  if (state && state !== 'NONE') return { word: state.toLowerCase().replaceAll('_', '-'), kind: isUnreplied ? 'warn' : 'both' };
  return { word: isUnreplied ? 'unreplied' : status.includes('assured') ? 'assured' : 'replied', kind: isUnreplied ? 'warn' : 'both' };
}

/**
 * The address that the far side sees in place of the source (source NAT), or that was asked for in place of the server (destination NAT);
 * undefined without NAT.
 */
export function translated({
  orig,
  reply,
  status,
}: FlowRow): { address: string; port?: number; kind: 'source' | 'destination' } | undefined {
  if (status.includes('snat') || reply.dst !== orig.src) return { address: reply.dst, port: reply.dport, kind: 'source' };
  if (status.includes('dnat') || reply.src !== orig.dst) return { address: reply.src, port: reply.sport, kind: 'destination' };
  return undefined;
}

/** Most distinct values that a list of the exact filter holds; longer lists say less than the ids do already. */
const LONGEST_LIST = 60;

/**
 * The filter that finds exactly these flows again: their kernel ids, and the tuples' values, because an id is unique only together with its
 * tuple. It goes with a scope of their gateways.
 */
export function filterOfFlows(flows: FlowRow[]): string {
  const list = (name: string, values: (string | number | undefined)[]) => {
    const distinct = [...new Set(values)];
    return distinct.length > LONGEST_LIST || distinct.includes(undefined) ? [] : [`${name}:${distinct.join(',')}`];
  };
  return [
    ...list(
      'proto',
      flows.map(({ proto }) => proto),
    ),
    ...list(
      'src',
      flows.map(({ orig }) => orig.src),
    ),
    ...list(
      'dst',
      flows.map(({ orig }) => orig.dst),
    ),
    ...list(
      'sport',
      flows.map(({ orig }) => orig.sport),
    ),
    ...list(
      'dport',
      flows.map(({ orig }) => orig.dport),
    ),
    `id:${flows.map(({ id }) => id).join(',')}`,
  ].join(' ');
}

/**
 * What conntrack(8) on the gateway would be asked to delete the same entry. ICMP and keyed GRE need their ids, or more than one entry goes.
 */
export function conntrackCommand({ family, proto, orig, zone }: FlowRow): string {
  const lines = [
    `conntrack -D${family === 6 ? ' -f ipv6' : ''} -p ${proto}`,
    `-s ${orig.src}${port('--sport', orig.sport)}`,
    `-d ${orig.dst}${port('--dport', orig.dport)}`,
  ];
  if (orig.icmp) lines.push(`--icmp-type ${orig.icmp.type} --icmp-code ${orig.icmp.code} --icmp-id ${orig.icmp.id}`);
  if (orig.srcKey !== undefined || orig.dstKey !== undefined) lines.push(`--srckey ${orig.srcKey ?? 0} --dstkey ${orig.dstKey ?? 0}`);
  if (zone) lines.push(`-w ${zone}`);
  return lines.join(' \\\n  ');
}

function endpoint(address: string, portNumber: number | undefined): string {
  return portNumber === undefined ? address : `${address}:${portNumber}`;
}

function port(option: string, value: number | undefined): string {
  return value === undefined ? '' : ` ${option} ${value}`;
}
