import { parseAddress } from './address.ts';
import type { FlowKey, Tuple } from './flow.ts';

/** Capability of an agent that lists what its gateway's helpers expect. */
export const LISTS_EXPECTATIONS = 'list-expectations';
/** Capability of an agent that deletes expectations. */
export const DELETES_EXPECTATIONS = 'delete-expectations';

/** Of one answer, and of one request. */
export const MAX_EXPECTATIONS = 500;

/**
 * A flow announced by a helper, such as the data connection of an FTP session: it may pass as related, and its entry gets a master. The
 * key's `orig` is the tuple to match, where `mask` has bits.
 */
export interface ExpectedFlow extends FlowKey {
  mask: Tuple;
  /** The flow whose helper announced it. */
  master: Omit<FlowKey, 'id'>;
  /** Absent if it never expires. */
  timeoutSeconds?: number;
  helper?: string;
}

/** What is told of an expectation. `isPermanent`: it stays when a flow has arisen from it. */
export interface ListedExpectation extends ExpectedFlow {
  isPermanent: boolean;
}

/**
 * True if what was listed is this one and not a later one with its id: bits that say nothing about packets are left out, as a listing does
 * not keep them.
 */
export function isSameExpectation(listed: ExpectedFlow, one: ExpectedFlow): boolean {
  return (
    listed.id === one.id &&
    listed.family === one.family &&
    listed.proto === one.proto &&
    listed.zone === one.zone &&
    listed.helper === one.helper &&
    listed.master.proto === one.master.proto &&
    meaningOf(listed.orig, one.mask) === meaningOf(one.orig, one.mask) &&
    endsOf(listed.master.orig) === endsOf(one.master.orig)
  );
}

/** The port of a side, or what the protocol has instead: GRE has call ids. */
export function sourcePort({ sport, srcKey }: Tuple): number | undefined {
  return sport ?? srcKey;
}

export function destinationPort({ dport, dstKey }: Tuple): number | undefined {
  return dport ?? dstKey;
}

function endsOf(tuple: Tuple): string {
  return [tuple.src, tuple.dst, sourcePort(tuple) ?? 0, destinationPort(tuple) ?? 0].join(' ');
}

function meaningOf(tuple: Tuple, mask: Tuple): string {
  return [
    maskedAddress(tuple.src, mask.src),
    maskedAddress(tuple.dst, mask.dst),
    (sourcePort(tuple) ?? 0) & (sourcePort(mask) ?? 0),
    (destinationPort(tuple) ?? 0) & (destinationPort(mask) ?? 0),
  ].join(' ');
}

function maskedAddress(address: string, mask: string): string {
  const bits = parseAddress(mask);
  return String(parseAddress(address)?.map((byte, index) => byte & (bits?.[index] ?? 0)));
}
