import type { Gateway } from '../../proto/http/fleet.ts';
import { counted } from './format.ts';

type Wan = Gateway['wans'][number];

/** In words that go after its name. */
export type WanFault = 'down' | 'not answering';

/** What is wrong with a WAN: its link, or that nothing beyond it answers a probe. Undefined where it works or nothing is known. */
export function wanFault({ isUp, isAnswering }: Pick<Wan, 'isUp' | 'isAnswering'>): WanFault | undefined {
  if (isUp === false) return 'down';
  return isAnswering === false ? 'not answering' : undefined;
}

/** `Fibre and LTE down, Cable not answering`; undefined where all work. */
export function wanFaultWords(wans: readonly Wan[]): string | undefined {
  const parts = (['down', 'not answering'] as const).flatMap((fault) => {
    const names = wans.filter((wan) => wanFault(wan) === fault).map(({ name }) => name);
    return names.length > 0 ? [`${names.join(' and ')} ${fault}`] : [];
  });
  return parts.length > 0 ? parts.join(', ') : undefined;
}

/** `2 WANs down`; undefined where all work. */
export function countedFaults(wans: readonly Wan[]): string | undefined {
  const faults = wans.flatMap((wan) => wanFault(wan) ?? []);
  if (faults.length === 0) return undefined;
  return `${counted(faults.length, 'WAN')} ${new Set(faults).size === 1 ? faults[0] : 'not working'}`;
}

/** A fault as the end of a sentence about its WAN: `which is down`. */
export function faultClause(fault: WanFault): string {
  return fault === 'down' ? 'which is down' : 'beyond which nothing answers';
}
