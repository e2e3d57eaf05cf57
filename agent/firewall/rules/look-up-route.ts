import type { RouteQuery } from '../../netlink/route-messages.ts';
import { RouteSocket } from '../../netlink/route-socket.ts';
import { NetlinkError } from '../../netlink/socket.ts';

/** Asks the kernel; undefined where it cannot say. Blocks for microseconds. */
export function lookUpRoute(query: RouteQuery): number[] | undefined {
  const socket = new RouteSocket();
  try {
    return socket.waysOut(query);
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  } finally {
    socket.close();
  }
}
