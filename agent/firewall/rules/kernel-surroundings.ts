import { AttributeReader, hostU32 } from '../../netlink/attributes.ts';
import { NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP, NLM_F_REQUEST } from '../../netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../../netlink/message.ts';
import { decodeLink, DUMP_ALL, RTM } from '../../netlink/route-messages.ts';
import { NETLINK_ROUTE, RouteSocket } from '../../netlink/route-socket.ts';
import { NetlinkError, NetlinkSocket } from '../../netlink/socket.ts';
import type { LocalRoute, Surroundings } from './surroundings.ts';

const ROUTE_HEADER = 12;
const BLOCK_BYTES = 65_536;
const [RTA_DST, RTA_OIF, RTA_TABLE] = [1, 4, 15];
const RT_TABLE_LOCAL = 255;
const ETIMEDOUT = 110;
/** A kernel before 4.20 sends the routes of every table, of which a full BGP table has a million. */
const MAX_ROUTES = 50_000;

/** The interfaces and local addresses of the network namespace of the calling thread. Needs no privilege. Throws NetlinkError. */
export function readSurroundings(): Surroundings {
  const links = new Map<number, string>();
  const socket = new RouteSocket();
  try {
    for (const body of socket.dump(RTM.GETLINK)) {
      const { index, name } = decodeLink(body);
      links.set(index, name);
    }
  } finally {
    socket.close();
  }
  return { links, locals: [2, 10].flatMap(readLocals) };
}

function readLocals(family: number): LocalRoute[] {
  const locals: LocalRoute[] = [];
  const socket = new NetlinkSocket(NETLINK_ROUTE, { receiveBuffer: 1 << 20, sendBuffer: 1 << 16, isStrict: true });
  try {
    const request = DUMP_ALL.slice(0, ROUTE_HEADER);
    request[0] = family;
    request[4] = RT_TABLE_LOCAL;
    const seq = socket.nextSeq();
    socket.send(encodeMessage({ type: RTM.GETROUTE, flags: NLM_F_REQUEST | NLM_F_DUMP, seq, body: request }));
    const block = new Uint8Array(BLOCK_BYTES);
    let left = MAX_ROUTES;
    for (;;) {
      const length = socket.receive(block);
      if (length === undefined) throw new NetlinkError('the kernel did not answer about its addresses', ETIMEDOUT);
      for (const message of readMessages(block.subarray(0, length))) {
        if (message.seq !== seq) continue;
        if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
          const { errno, reason } = readVerdict(message);
          // No route in the table, as in a namespace that has no interface up.
          if (errno !== 0 && errno !== ENOENT) throw new NetlinkError('the kernel does not tell its addresses', errno, reason);
          return locals;
        }
        const route = decodeLocal(message.body);
        if (route) locals.push(route);
        if (--left === 0) return locals;
      }
    }
  } finally {
    socket.close();
  }
}

const ENOENT = 2;

function decodeLocal(body: Uint8Array): LocalRoute | undefined {
  if (body.length < ROUTE_HEADER) return undefined;
  const route: LocalRoute = { bytes: new Uint8Array(body[0] === 2 ? 4 : 16), bits: body[1]!, type: body[7]! };
  let table: number = body[4]!;
  const attributes = new AttributeReader(body, {}, ROUTE_HEADER);
  while (attributes.next()) {
    if (attributes.type === RTA_DST) route.bytes = attributes.bytes().slice();
    else if (attributes.type === RTA_OIF) route.link = hostU32(attributes.bytes(4), 0);
    else if (attributes.type === RTA_TABLE) table = hostU32(attributes.bytes(4), 0);
  }
  return table === RT_TABLE_LOCAL ? route : undefined;
}
