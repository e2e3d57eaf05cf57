import { NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP, NLM_F_REQUEST } from '../netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../netlink/message.ts';
import { NetlinkError, type NetlinkSocket } from '../netlink/socket.ts';
import { readProcStat } from './proc-files.ts';
import type { CpuCounters } from './table.ts';
import { openTable } from './walk.ts';
import { CT_GET_STATS_CPU } from './wire/constants.ts';
import { encodeDump } from './wire/requests.ts';
import { decodeCpuStats } from './wire/stats.ts';

const ETIMEDOUT = 110;

/** Per-CPU counters by netlink on a socket that stays open (9 us a time), or from /proc/net/stat where netlink is refused. */
export class CpuStats {
  #socket: NetlinkSocket | undefined;
  readonly #block = new Uint8Array(65_536);

  /** No CPU where the kernel tells them in neither place. */
  read(): CpuCounters[] {
    try {
      this.#socket ??= openTable();
      return this.#ask(this.#socket);
    } catch {
      this.close(); // what comes next on a socket after a failure may belong to the question before
      return readProcStat();
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #ask(socket: NetlinkSocket): CpuCounters[] {
    socket.send(encodeMessage({ type: CT_GET_STATS_CPU, flags: NLM_F_REQUEST | NLM_F_DUMP, seq: socket.nextSeq(), body: encodeDump() }));
    const cpus: CpuCounters[] = [];
    for (;;) {
      const length = socket.receive(this.#block);
      if (length === undefined) throw new NetlinkError('cannot read the counters', ETIMEDOUT);
      for (const message of readMessages(this.#block.subarray(0, length))) {
        if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) cpus.push(decodeCpuStats(message.body));
        else {
          const { errno, reason } = readVerdict(message);
          if (errno !== 0) throw new NetlinkError('cannot read the counters', errno, reason);
          return cpus;
        }
      }
    }
  }
}
