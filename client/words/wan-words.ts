import type { Gateway } from '../../proto/http/fleet.ts';
import { wanFault, type WanFault } from '../../proto/model/wan-fault.ts';
import { counted } from './format.ts';

type Wan = Gateway['wans'][number];

/** `Fibre and LTE down, Cable not answering`; undefined where all work. */
export function wanFaultWords(wans: readonly Wan[]): string | undefined {
  const parts = (['down', 'not answering'] as const).flatMap((fault) => {
    const names = wans.filter((wan) => wanFault(wan) === fault).map(({ name }) => name);
    return names.length > 0 ? [`${names.join(' and ')} ${fault}`] : [];
  });
  return parts.length > 0 ? parts.join(', ') : undefined;
}

/** `2 WANs down`, from how many are at fault and how; undefined where all work. */
export function countedFaults(faults: Record<WanFault, number>): string | undefined {
  const all = faults.down + faults['not answering'];
  if (all === 0) return undefined;
  return `${counted(all, 'WAN')} ${faults.down === all ? 'down' : faults.down === 0 ? 'not answering' : 'not working'}`;
}

/** A fault as the end of a sentence about its WAN: `which is down`. */
export function faultClause(fault: WanFault): string {
  return fault === 'down' ? 'which is down' : 'beyond which nothing answers';
}
