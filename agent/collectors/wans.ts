import type { Wan as WireWan } from '../../proto/gen/ctfleet/v1/stats.ts';
import type { Wan } from '../wans/wans.ts';
import type { Collector } from './collector.ts';

/** The current state of the WANs. */
export function wanStates(wans: () => Wan[]): Collector {
  return { name: 'wans', collect: async () => ({ wans: wans().map(toWireWan) }) };
}

/** A WAN as the link carries it. */
export function toWireWan({ name, interface: device, addresses, isUp, carriesDefaultRoute, isAnswering }: Wan): WireWan {
  return {
    name,
    interface: device,
    addresses: addresses.map((address) => Buffer.from(address)),
    isUp,
    carriesDefaultRoute,
    isAnswering,
    natKinds: [],
  };
}
