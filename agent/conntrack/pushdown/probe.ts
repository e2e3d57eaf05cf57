import { networkU32 } from '../../netlink/attributes.ts';
import { parseAddress } from '../../../proto/model/address.ts';
import type { Tuple } from '../../../proto/model/flow.ts';
import { IPS } from '../../../proto/model/status.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from '../../netlink/constants.ts';
import { Columns } from '../rows/columns.ts';
import type { KernelFeature } from './kernel-filter.ts';
import type { KernelFilter } from '../wire/kernel-filter.ts';
import { pipeline } from '../ctnetlink/pipeline.ts';
import { openTable, walkInto } from '../ctnetlink/dump.ts';
import { CT_DELETE, CT_NEW } from '../wire/constants.ts';
import { encodeCreate, encodeFlush, invert, type NewEntry } from '../wire/requests.ts';

const UDP = 17;

/** Two entries of documentation addresses: the filters of the probe fit the first and not the second. */
const [CHOSEN, OTHER] = [
  entryOf({ src: '192.0.2.1', dst: '192.0.2.9', sport: 1, dport: 2 }, { mark: 0x100, status: IPS.SEEN_REPLY, zone: 7 }),
  entryOf({ src: '192.0.2.2', dst: '192.0.2.9', sport: 1, dport: 2 }, { mark: 0x200, status: 0, zone: 8 }),
];

const FILTERS: [feature: KernelFeature, filter: KernelFilter][] = [
  ['dump by tuple', { family: 4, proto: UDP, src: networkU32(parseAddress('192.0.2.1')!, 0), sport: 1 }],
  ['dump by mark', { mark: { value: 0x100, mask: 0xff00 } }],
  ['dump by status', { status: { value: IPS.SEEN_REPLY, mask: IPS.SEEN_REPLY } }],
  ['dump by zone', { zone: 7 }],
];

/**
 * Which of its own filters this kernel honours, found by trying: a version alone says little of kernels that distributions patch, and one
 * that does not know a filter may take it for none and tell everything. Run it in a network namespace that has no flow.
 */
export function probeKernelFilters(): KernelFeature[] {
  const found: KernelFeature[] = [];
  // The probe empties the table, so it will not begin in one that anything lives in.
  if (entries(undefined).count > 0) return found;
  for (const [feature, filter] of FILTERS) if (isHonoured(filter)) found.push(feature);
  return found;
}

/** True if of the two entries the filter chose the first and only it. */
function isHonoured(filter: KernelFilter): boolean {
  try {
    send(CT_DELETE, 0, encodeFlush({}));
    for (const entry of [CHOSEN, OTHER]) send(CT_NEW, NLM_F_CREATE | NLM_F_EXCL, encodeCreate(entry));
    const { count, common } = entries(filter);
    return count === 1 && common.mark[0] === CHOSEN.mark;
  } catch {
    return false;
  }
}

function entries(filter: KernelFilter | undefined): Columns {
  const columns = new Columns(2);
  for (const _ of walkInto(columns, filter));
  return columns;
}

function send(type: number, flags: number, body: Uint8Array): void {
  const socket = openTable();
  try {
    const [errno] = pipeline(socket, {
      type,
      flags: NLM_F_REQUEST | flags,
      count: 1,
      writeBody: (_, out, at) => (out.bytes.set(body, at), body.length),
    });
    if (errno !== 0) throw new Error(`errno ${errno}`);
  } finally {
    socket.close();
  }
}

function entryOf(orig: Tuple, { mark, status, zone }: Pick<NewEntry, 'mark' | 'status' | 'zone'>): NewEntry {
  return { family: 4, proto: UDP, orig, reply: invert(UDP, orig), mark, status, zone, timeoutSeconds: 60 };
}
