import { openTable } from '../../agent/conntrack/ctnetlink/dump.ts';
import { pipeline } from '../../agent/conntrack/ctnetlink/pipeline.ts';
import { CT_DELETE } from '../../agent/conntrack/wire/constants.ts';
import { encodeFlush } from '../../agent/conntrack/wire/requests.ts';
import { NLM_F_REQUEST } from '../../agent/netlink/constants.ts';
import { NetlinkError } from '../../agent/netlink/socket.ts';

/** Has the kernel end every entry of the calling thread's namespace. Throws NetlinkError. */
export function emptyTable(): void {
  const socket = openTable();
  try {
    const body = encodeFlush({});
    const [errno] = pipeline(socket, {
      type: CT_DELETE,
      flags: NLM_F_REQUEST,
      count: 1,
      writeBody: (_, out, at) => (out.bytes.set(body, at), body.length),
    });
    if (errno !== 0) throw new NetlinkError('cannot empty the table', Math.max(0, errno ?? 0));
  } finally {
    socket.close();
  }
}
