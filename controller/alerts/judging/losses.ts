import type { AlertCause } from '../../../proto/model/alerts/kinds.ts';
import type { CounterName } from '../../../proto/model/measures.ts';
import { increase } from '../../history/sample-row.ts';
import type { SampleContext, Verdict } from './sample-context.ts';

/** Ports that an address can be translated to towards one destination, by protocol: those from 1024. */
export const PORTS_OF_ADDRESS = 64_512;
/** Translations of one address and protocol beyond this share mean that its ports are used up, or will be within moments. */
const EXHAUSTED = 0.95;
/** The table is read some seconds before or after the packet that found it full. */
const FULL = 0.99;

/** How much each counter rose since the sample before; what is not known did not. */
export type Rises = Readonly<Record<'drop' | 'earlyDrop' | 'insertFailed' | 'chainToolong', number>>;

export function risesOf({ sample, before }: SampleContext): Rises {
  const rise = (name: CounterName): number => increase(before?.numbers[name], sample.numbers[name]) ?? 0;
  return {
    drop: rise('drop'),
    earlyDrop: rise('earlyDrop'),
    insertFailed: rise('insertFailed'),
    chainToolong: rise('chainToolong'),
  };
}

/** Any packet lost or flow ended early since the sample before is bad, whatever the table’s usage. */
export function judgeLosses(context: SampleContext): Verdict | undefined {
  if (!context.before) return undefined;
  const { drop, earlyDrop, insertFailed, chainToolong } = risesOf(context);
  // The kernel counts a clash in both.
  const value = Math.max(drop, insertFailed) + earlyDrop + chainToolong;
  return { is: value > 0 ? 'bad' : 'good', value };
}

/**
 * Why. `drop` rises when the table is full, and also at a clash of ports, which `insert_failed` counts too; only the table itself tells the
 * two apart. A clash while an address has hardly a port left is exhaustion; one with ports left is two flows that wanted the same.
 */
export function causeOfLosses(context: SampleContext): { cause: AlertCause; address?: string } {
  const { drop, earlyDrop, insertFailed, chainToolong } = risesOf(context);
  if (chainToolong > 0 && chainToolong >= drop) return { cause: 'few-buckets' };
  if (isFull(context) && (drop > insertFailed || earlyDrop > 0)) return { cause: 'table-full' };
  if (insertFailed > 0) {
    const address = exhaustedAddress(context);
    return address === undefined ? { cause: 'port-clash' } : { cause: 'port-exhaustion', address };
  }
  if (earlyDrop > 0) return { cause: 'early-drop' };
  return { cause: 'unknown' };
}

function isFull({ sample, before }: SampleContext): boolean {
  return [sample, before].some((one) => {
    const { count, max } = one?.numbers ?? {};
    return count !== undefined && max !== undefined && max > 0 && count >= max * FULL;
  });
}

function exhaustedAddress({ breakdown }: SampleContext): string | undefined {
  const fullest = breakdown?.translations?.toSorted((a, b) => b.flows - a.flows)[0];
  return fullest && fullest.flows >= PORTS_OF_ADDRESS * EXHAUSTED ? fullest.address : undefined;
}
