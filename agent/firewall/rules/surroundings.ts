import type { RoutePrefix, RouteQuery } from '../../netlink/route-messages.ts';
import { Bits } from './bits.ts';
import { RTN } from './nf-tables.ts';

/** What rules ask of the gateway beside the packet: plain data but for `waysOut`, which a thread adds by itself. */
export interface Surroundings {
  /** Names of interfaces by index. */
  links: ReadonlyMap<number, string>;
  /** The routes of the table `local`: addresses of the gateway, broadcasts. `type` is RTN_*. */
  locals: readonly LocalRoute[];
  /**
   * Interfaces by which such a packet would leave, for rules that ask whether a source is reached by the interface that it came by; without
   * it they are not known.
   */
  waysOut?: (query: RouteQuery) => readonly number[] | undefined;
}

export interface LocalRoute extends RoutePrefix {
  type: number;
  link?: number;
}

/** RTN_* as `fib … type` has it. For IPv6 what is not the gateway's is taken to be a unicast address with a route. */
export function addressType(address: Uint8Array, { locals }: Surroundings, link?: number): number {
  if (address.length === 4) {
    if (address[0] === 0 || address.every((byte) => byte === 255)) return RTN.BROADCAST;
    if (address[0]! >= 224 && address[0]! < 240) return RTN.MULTICAST;
  } else if (address[0] === 0xff) return RTN.MULTICAST;
  let best: LocalRoute | undefined;
  for (const route of locals)
    if (route.bytes.length === address.length && route.bits >= (best?.bits ?? 0) && isInPrefix(address, route)) best = route;
  return best && (link === undefined || best.link === link) ? best.type : RTN.UNICAST;
}

/** The type of an address of which not all bits are known. */
export function addressTypeOf(address: Bits, surroundings: Surroundings, link?: number): number | undefined {
  return address.isKnown ? addressType(address.value, surroundings, link) : undefined;
}

export function isInPrefix(address: Uint8Array, { bytes, bits }: RoutePrefix): boolean {
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== bytes[at]) return false;
  const rest = bits & 7;
  return rest === 0 || ((address[whole]! ^ bytes[whole]!) & (0xff << (8 - rest)) & 0xff) === 0;
}
