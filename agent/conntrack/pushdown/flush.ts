import { FleetError } from '../../../proto/model/error-codes.ts';
import { EVERYTHING, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import { NLM_F_ACK, NLM_F_REQUEST } from '../../netlink/constants.ts';
import { areDisjoint } from './disjoint.ts';
import { byFamily, describeKernelFilter, featuresOf, isEmpty, pushDown, type KernelFeature } from './kernel-filter.ts';
import type { KernelFilter } from '../wire/kernel-filter.ts';
import { pipeline, LOST } from '../ctnetlink/pipeline.ts';
import type { FlowContext } from '../table.ts';
import { openTable, tableError } from '../ctnetlink/dump.ts';
import { CT_DELETE } from '../wire/constants.ts';
import { encodeFlush } from '../wire/requests.ts';
import { NetlinkError } from '../../netlink/socket.ts';

export interface KernelFlushAsk {
  filter: FlowFilter;
  isAll?: boolean;
  protections: FlowContext['protections'];
}

/** What a kernel-filtered flush may send: made by planKernelFlush alone, so that no filter reaches the kernel unguarded. */
export interface KernelFlush {
  readonly filters: readonly KernelFilter[];
  readonly explain: string;
  readonly [GUARDED]: true;
}
const GUARDED = Symbol('guarded');

/**
 * Settles whether the kernel may carry a filter out by itself. It says neither what it ended nor how much, and cannot keep anything out,
 * so:
 * Throws FILTER_EMPTY for a filter that compares nothing (everything is said with the word itself, `isAll`), FILTER_UNSUPPORTED where the
 * kernel
 * cannot compare all of it, CAPABILITY_MISSING where this kernel was not seen to honour it, FORBIDDEN where a protected flow could match.
 */
export function planKernelFlush({ filter, isAll = false, protections }: KernelFlushAsk, can: ReadonlySet<KernelFeature>): KernelFlush {
  const { kernel, isExact } = pushDown(filter);
  const isEverything = isAll && filter.kind === 'everything';
  if (isEmpty(kernel) && !isEverything) throw new FleetError('FILTER_EMPTY', 'A flush needs a filter that the kernel can compare.');
  if (!isExact)
    throw new FleetError(
      'FILTER_UNSUPPORTED',
      `The kernel can compare ${describeKernelFilter(kernel)} of this filter and not the rest; a flush would end more than was asked.`,
    );
  const missing = featuresOf(kernel, 'flush').find((feature) => !can.has(feature));
  if (missing) throw new FleetError('CAPABILITY_MISSING', `This kernel was not seen to honour a ${missing}. Delete the flows one by one.`);
  const endangered = protections.find((protection) => !areDisjoint(isEverything ? EVERYTHING : filter, protection.filter));
  if (endangered)
    throw new FleetError('FORBIDDEN', `The kernel cannot keep protected flows out (${endangered.reason}). Delete the flows one by one.`);
  return {
    filters: byFamily(kernel),
    explain: isEverything ? 'the kernel ended all flows' : `the kernel compared ${describeKernelFilter(kernel)}`,
    [GUARDED]: true,
  };
}

/**
 * Has the kernel end every flow of a guarded flush, in one walk of the table for each filter. Throws CAPABILITY_MISSING, UNAVAILABLE,
 * NetlinkError.
 */
export function flushByKernel({ filters }: KernelFlush): void {
  const socket = openTable();
  try {
    const bodies = filters.map((filter) => encodeFlush(filter));
    const errnos = pipeline(socket, {
      type: CT_DELETE,
      flags: NLM_F_REQUEST | NLM_F_ACK,
      count: bodies.length,
      writeBody: (index, out, at) => {
        out.bytes.set(bodies[index]!, at);
        return bodies[index]!.length;
      },
    });
    const failed = errnos.find((errno) => errno !== 0);
    if (failed === LOST) throw new FleetError('UNAVAILABLE', 'The kernel did not say whether the flush is done. Look again.');
    if (failed !== undefined) throw tableError(new NetlinkError('cannot flush the table', failed));
  } finally {
    socket.close();
  }
}
