import { NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP, NLM_F_REQUEST } from '../netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../netlink/message.ts';
import { NetlinkError } from '../netlink/socket.ts';
import type { CpuCounters } from './table.ts';
import { openTable } from './walk.ts';
import { CT_GET_STATS_CPU } from './wire/constants.ts';
import { encodeDump } from './wire/requests.ts';
import { decodeCpuStats } from './wire/stats.ts';

/** Per-CPU counters by netlink; there also where the kernel has no /proc/net/stat. Throws NetlinkError, CAPABILITY_MISSING, DecodeError. */
export function readCpuStats(): CpuCounters[] {
  const socket = openTable();
  try {
    socket.send(encodeMessage({ type: CT_GET_STATS_CPU, flags: NLM_F_REQUEST | NLM_F_DUMP, seq: socket.nextSeq(), body: encodeDump() }));
    const cpus: CpuCounters[] = [];
    const block = new Uint8Array(65_536);
    for (;;) {
      const length = socket.receive(block);
      if (length === undefined) throw new NetlinkError('cannot read the counters', 110);
      for (const message of readMessages(block.subarray(0, length))) {
        if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) cpus.push(decodeCpuStats(message.body));
        else {
          const { errno, reason } = readVerdict(message);
          if (errno !== 0) throw new NetlinkError('cannot read the counters', errno, reason);
          return cpus;
        }
      }
    }
  } finally {
    socket.close();
  }
}
