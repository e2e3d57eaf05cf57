import { NETLINK_NETFILTER, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST } from '../../agent/netlink/constants.ts';
import { NetlinkError, NetlinkSocket } from '../../agent/netlink/socket.ts';
import { pipeline } from '../../agent/conntrack/ctnetlink/pipeline.ts';
import { CT_NEW } from '../../agent/conntrack/wire/constants.ts';
import { encodeCreate, type NewEntry } from '../../agent/conntrack/wire/requests.ts';

const AT_ONCE = 10_000;

/** Puts entries into the table of the calling thread's namespace. Throws NetlinkError at the first that the kernel refuses. */
export function createEntries(entries: Iterable<NewEntry>): void {
  let bodies: Uint8Array[] = [];
  for (const entry of entries) {
    bodies.push(encodeCreate(entry));
    if (bodies.length < AT_ONCE) continue;
    createFrom(bodies);
    bodies = [];
  }
  createFrom(bodies);
}

/** The same from message bodies, as fast as the kernel accepts them. */
export function createFrom(bodies: readonly Uint8Array[]): void {
  const socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 4 << 20, sendBuffer: 1 << 20 });
  try {
    const errnos = pipeline(socket, {
      type: CT_NEW,
      flags: NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL,
      count: bodies.length,
      writeBody: (index, out, at) => {
        out.bytes.set(bodies[index]!, at);
        return bodies[index]!.length;
      },
    });
    const refused = errnos.findIndex((errno) => errno !== 0);
    if (refused >= 0) throw new NetlinkError(`cannot make entry ${refused}`, Math.max(0, errnos[refused]!));
  } finally {
    socket.close();
  }
}
