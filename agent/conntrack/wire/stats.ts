import { AttributeReader, DecodeError } from '../../netlink/attributes.ts';
import type { CpuCounters } from '../table.ts';
import { NFGENMSG_LENGTH } from './constants.ts';

/** CTA_STATS_* by number (nfnetlink_conntrack.h); those missing here are no longer used by the kernel and always 0. */
const FIELDS: Record<number, Exclude<keyof CpuCounters, 'cpu'>> = {
  2: 'found',
  4: 'invalid',
  8: 'insert',
  9: 'insertFailed',
  10: 'drop',
  11: 'earlyDrop',
  12: 'error',
  13: 'searchRestart',
  14: 'clashResolve',
  15: 'chainToolong',
};

/**
 * Decodes the body of one message of CT_GET_STATS_CPU; the CPU's number is nfgenmsg's resource id, in network order. Throws DecodeError.
 */
export function decodeCpuStats(body: Uint8Array): CpuCounters {
  if (body.length < NFGENMSG_LENGTH) throw new DecodeError('nfgenmsg', `${body.length} bytes, wanted ${NFGENMSG_LENGTH}`);
  const counters: CpuCounters = { cpu: (body[2]! << 8) | body[3]! };
  const attributes = new AttributeReader(body, undefined, NFGENMSG_LENGTH);
  while (attributes.next()) {
    const field = FIELDS[attributes.type];
    if (field) counters[field] = attributes.u32();
  }
  return counters;
}
