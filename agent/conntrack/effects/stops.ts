import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { IPS } from '../../../proto/model/status.ts';
import { origShape, SHAPE, type Columns } from '../rows/columns.ts';
import { TCP_FLAG } from '../wire/protoinfo.ts';
import type { Regime } from '../effects-ask.ts';

/** What ends a flow. `unseen`: not every packet of it was seen; `unbegun`: it did not begin with a request. */
export type StopCause = 'denied' | 'unseen' | 'unbegun';
export interface Stop {
  path: string;
  cause: StopCause;
}

/** Types of ICMP that begin something: echo, timestamp, information and address mask (nf_conntrack_proto_icmp.c). */
const REQUESTS4: ReadonlySet<number> = new Set([8, 13, 15, 17]);
/** Of ICMPv6: echo and node information (nf_conntrack_proto_icmpv6.c). */
const REQUESTS6: ReadonlySet<number> = new Set([128, 139]);

/**
 * Whether a row ends as its mode changes. Document d: loose to strict keeps ICMP only where it began properly, normal to strict keeps TCP
 * only where all packets were seen, and every other change of a mode leaves flows alone. What a helper has announced is not denied.
 */
export function stopOf(
  { common: { proto, status, tcpFlags, shape, dport } }: Columns,
  row: number,
  was: Regime['modes'][number] | undefined,
  becomes: Regime['modes'][number] | undefined,
): Stop | undefined {
  if (!becomes || was?.mode === becomes.mode) return undefined;
  const { path } = becomes;
  if (becomes.mode === 'deny') return status[row]! & IPS.EXPECTED ? undefined : { path, cause: 'denied' };
  if (becomes.mode !== 'strict') return undefined;
  if (was?.mode === 'normal' && proto[row] === PROTOCOLS.tcp)
    return tcpFlags[row]! & TCP_FLAG.BE_LIBERAL ? { path, cause: 'unseen' } : undefined;
  if (was?.mode !== 'loose' || origShape(shape[row]!) !== SHAPE.icmp) return undefined;
  const requests = proto[row] === PROTOCOLS.icmp ? REQUESTS4 : REQUESTS6;
  return requests.has(dport[row]! >> 8) ? undefined : { path, cause: 'unbegun' };
}

/** Whether a change from one list of modes to another can stop anything. */
export function canStop(before: Regime['modes'], after: Regime['modes']): boolean {
  return JSON.stringify(before) !== JSON.stringify(after) && after.some(({ mode }) => mode === 'deny' || mode === 'strict');
}
