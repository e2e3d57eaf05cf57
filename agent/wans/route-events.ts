import { readMessages } from '../netlink/message.ts';
import { decodeRoute, ROUTE_GROUP, RTM } from '../netlink/route-messages.ts';
import { NETLINK_ROUTE } from '../netlink/route-socket.ts';
import { NetlinkError, NetlinkSocket } from '../netlink/socket.ts';

const BLOCK_BYTES = 65_536;
/** Blocks read per call; in a flood the rest can wait, since all they say is that something changed. */
const MAX_BLOCKS = 256;
const ROUTES = new Set<number>([RTM.NEWROUTE, RTM.DELROUTE]);

/** Watches for changes of links, addresses, rules and default routes in this network namespace. Needs no privilege. */
export class RouteEvents {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE, { receiveBuffer: 1 << 20, sendBuffer: 1 << 16, groups: Object.values(ROUTE_GROUP) });
  readonly #block = new Uint8Array(BLOCK_BYTES);

  /** True if something changed since the last call; does not block. Lost messages count as a change. */
  haveCome(): boolean {
    let isChanged = false;
    for (let blocks = 0; blocks < MAX_BLOCKS && this.#socket.hasMessages(); blocks++) {
      try {
        const length = this.#socket.receive(this.#block);
        if (length === undefined) break;
        for (const { type, body } of readMessages(this.#block.subarray(0, length)))
          isChanged ||= !ROUTES.has(type) || decodeRoute(body).isDefault;
      } catch (error) {
        if (!(error instanceof NetlinkError && error.code === 'ENOBUFS')) throw error;
        isChanged = true;
      }
    }
    return isChanged;
  }

  close(): void {
    this.#socket.close();
  }
}
