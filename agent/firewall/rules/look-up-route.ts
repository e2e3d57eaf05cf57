import type { RouteQuestion } from '../../netlink/route-messages.ts';
import { RouteSocket } from '../../netlink/route-socket.ts';
import { NetlinkError } from '../../netlink/socket.ts';

/** Asks the kernel; undefined where it cannot say. Blocks for microseconds. */
export function lookUpRoute(question: RouteQuestion): number[] | undefined {
  const socket = new RouteSocket();
  try {
    return socket.waysOut(question);
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  } finally {
    socket.close();
  }
}
