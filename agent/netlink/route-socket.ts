import { NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP, NLM_F_REQUEST } from './constants.ts';
import { encodeMessage, readMessages, readVerdict, type Message } from './message.ts';
import { decodeWaysOut, DUMP_ALL, encodeRouteQuery, RTM, type RouteQuery } from './route-messages.ts';
import { NetlinkError, NetlinkSocket } from './socket.ts';

export const NETLINK_ROUTE = 0;
const BLOCK_BYTES = 65_536;
/** The kernel answers within the request; after a second of silence the answer was lost. */
const MAX_SILENT_READS = 5;
/** Errors of a lookup without a route, or with one that rejects: EINVAL is `blackhole`, EACCES `prohibit`. */
const NOWHERE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EINVAL', 'EACCES']);

/**
 * Queries about links, addresses, rules and routes in the network namespace of the process. They block for microseconds and need no
 * privilege.
 */
export class RouteSocket {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE, { receiveBuffer: 1 << 20, sendBuffer: 1 << 16 });
  readonly #block = new Uint8Array(BLOCK_BYTES);

  /**
   * The interfaces by which the kernel may send such a packet: several if a route has several next hops, none if there is no route. Throws
   * NetlinkError if the kernel cannot say, as for a source that it would not accept.
   */
  waysOut(query: RouteQuery): number[] {
    try {
      for (const { type, body } of this.#exchange(RTM.GETROUTE, NLM_F_REQUEST, encodeRouteQuery(query)))
        if (type === RTM.NEWROUTE) return decodeWaysOut(body);
    } catch (error) {
      if (error instanceof NetlinkError && NOWHERE.has(error.code)) return [];
      throw error;
    }
    return [];
  }

  /** All objects of a kind, such as RTM.GETLINK. Each body is valid until the next one. */
  *dump(request: number): Generator<Uint8Array, void, void> {
    for (const { type, body } of this.#exchange(request, NLM_F_REQUEST | NLM_F_DUMP, DUMP_ALL)) if (type === request - 2) yield body;
  }

  close(): void {
    this.#socket.close();
  }

  /** The replies to one request: the messages of a dump up to its end, or one answer. Throws NetlinkError. */
  *#exchange(type: number, flags: number, body: Uint8Array): Generator<Message, void, void> {
    const seq = this.#socket.nextSeq();
    this.#socket.send(encodeMessage({ type, flags, seq, body }));
    for (let silent = 0; silent < MAX_SILENT_READS;) {
      const length = this.#socket.receive(this.#block);
      if (length === undefined) {
        silent++;
        continue;
      }
      for (const message of readMessages(this.#block.subarray(0, length))) {
        if (message.seq !== seq) continue; // from a dump that was not read to its end
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const { errno, reason } = readVerdict(message);
          if (errno !== 0) throw new NetlinkError('cannot read the routes', errno, reason);
          return;
        }
        yield message;
        if ((flags & NLM_F_DUMP) === 0) return;
      }
    }
    throw new NetlinkError('the kernel did not answer a route query', ETIMEDOUT);
  }
}

const ETIMEDOUT = 110;
