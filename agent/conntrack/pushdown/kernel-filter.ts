import type { FlowFilter, Term } from '../../../proto/model/filter/filter.ts';
import { PROTOCOLS } from '../../../proto/model/protocol.ts';
import { statusTest } from '../../../proto/model/status.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import type { KernelFilter, Masked } from '../wire/kernel-filter.ts';

/** Filters of dumps that a kernel may or may not have (5.8; status 5.15; zone 6.8; found by trying). */
export const KERNEL_FEATURES = ['dump by tuple', 'dump by mark', 'dump by status', 'dump by zone'] as const;
export type KernelFeature = (typeof KERNEL_FEATURES)[number];

const TUPLE_FIELDS = ['proto', 'src', 'dst', 'rsrc', 'rdst', 'sport', 'dport', 'rsport', 'rdport'] as const;

/** The features that a filter needs. */
export function featuresOf(filter: KernelFilter): KernelFeature[] {
  const features: KernelFeature[] = [];
  if (TUPLE_FIELDS.some((field) => filter[field] !== undefined)) features.push('dump by tuple');
  if (filter.mark) features.push('dump by mark');
  if (filter.status) features.push('dump by status');
  if (filter.zone !== undefined) features.push('dump by zone');
  return features;
}

/** True if it compares nothing; such a filter chooses everything. */
export function isEmpty(filter: KernelFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

/**
 * The part of a filter that the kernel can compare. Every flow that the filter matches passes `kernel`; if `isExact`, nothing else does.
 */
export function pushDown(filter: FlowFilter): { kernel: KernelFilter; isExact: boolean } {
  const kernel: KernelFilter = {};
  const isMerged = conjunctsOf(filter).map((one) => one.kind === 'term' && mergeTerm(kernel, one));
  let isExact = isMerged.every(Boolean);
  const hasPorts = kernel.proto === PROTOCOLS.tcp || kernel.proto === PROTOCOLS.udp;
  for (const port of ['sport', 'dport', 'rsport', 'rdport'] as const) {
    if (kernel[port] === undefined || hasPorts) continue;
    delete kernel[port];
    isExact = false;
  }
  return { kernel, isExact };
}

/** The filters to send in its place: tuples are compared within one family only (else EOPNOTSUPP), so a protocol of both takes two. */
export function byFamily(filter: KernelFilter): KernelFilter[] {
  const needsFamily = featuresOf(filter).includes('dump by tuple');
  return needsFamily && filter.family === undefined
    ? [
        { ...filter, family: 4 },
        { ...filter, family: 6 },
      ]
    : [filter];
}

/** The fields that are compared, for people. */
export function describeKernelFilter(filter: KernelFilter): string {
  return Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .map(([field]) => field)
    .join(', ');
}

/** Costs of a walk on the slowest machine that was measured, in microseconds. */
const US_PER_ENTRY = 0.27;
const US_PER_BUCKET = 0.038;
/** Entries that fill one block of a dump; between blocks the CPU is free. */
const BLOCK_ENTRIES = 140;

/**
 * How long a filtered dump is likely to hold one CPU, in milliseconds: the kernel walks on, with softirqs off, until a block is full. With
 * few hits that is the whole table (0.3 s were measured at a million entries).
 */
export function stallMs({ entries, buckets, hits }: { entries: number; buckets: number; hits: number }): number {
  const walkMs = (entries * US_PER_ENTRY + buckets * US_PER_BUCKET) / 1000;
  return walkMs * Math.min(1, BLOCK_ENTRIES / Math.max(1, hits));
}

function conjunctsOf(filter: FlowFilter): FlowFilter[] {
  if (filter.kind === 'everything') return [];
  return filter.kind === 'and' ? filter.operands.flatMap(conjunctsOf) : [filter];
}

/** Adds a term; false if the kernel cannot compare it, or not beside what is there already. */
function mergeTerm(kernel: KernelFilter, { field, match }: Term): boolean {
  switch (field) {
    case 'src':
    case 'dst':
    case 'rsrc':
    case 'rdst':
      if (match.kind !== 'prefix' && match.kind !== 'endpoint') return false;
      if (!set(kernel, 'family', match.prefix.family)) return false;
      return [
        match.prefix.family === 4 && match.prefix.bits === 32 && set(kernel, field, networkU32(match.prefix.address, 0)),
        match.kind === 'prefix' || (match.from === match.to && set(kernel, PORT_OF[field], match.from)),
      ].every(Boolean);
    case 'ip':
    case 'host':
    case 'nat':
      if (match.kind === 'prefix' || match.kind === 'endpoint') set(kernel, 'family', match.prefix.family);
      return false;
    case 'proto':
    case 'sport':
    case 'dport':
    case 'rsport':
    case 'rdport':
      return match.kind === 'range' && match.from !== undefined && match.from === match.to && set(kernel, field, match.from);
    case 'family':
      return (
        match.kind === 'range' && match.from === match.to && (match.from === 4 || match.from === 6) && set(kernel, 'family', match.from)
      );
    case 'zone':
      return (
        match.kind === 'range' &&
        match.from !== undefined &&
        match.from === match.to &&
        match.from > 0 &&
        match.from <= 0xffff &&
        set(kernel, 'zone', match.from)
      );
    case 'mark':
      return match.kind === 'mask' && match.mask !== 0 && setMasked(kernel, 'mark', match);
    case 'status': {
      const test = match.kind === 'glob' ? statusTest(match.pattern) : undefined;
      return test !== undefined && 'mask' in test && setMasked(kernel, 'status', test);
    }
    default:
      return false;
  }
}

/** The port that stands on the same side of the same tuple. */
export const PORT_OF = { src: 'sport', dst: 'dport', rsrc: 'rsport', rdst: 'rdport' } as const;

function set<Field extends 'family' | 'proto' | 'zone' | 'src' | 'dst' | 'rsrc' | 'rdst' | 'sport' | 'dport' | 'rsport' | 'rdport'>(
  kernel: KernelFilter,
  field: Field,
  value: KernelFilter[Field],
): boolean {
  if (kernel[field] !== undefined && kernel[field] !== value) return false;
  kernel[field] = value;
  return true;
}

function setMasked(kernel: KernelFilter, field: 'mark' | 'status', { value, mask }: Masked): boolean {
  const before = kernel[field] ?? { value: 0, mask: 0 };
  const both = before.mask & mask;
  if ((before.value & both) !== (value & both)) return false;
  kernel[field] = { value: (before.value | value) >>> 0, mask: (before.mask | mask) >>> 0 };
  return true;
}
