import { readDump } from '../../netlink/dump.ts';
import type { NetlinkSocket } from '../../netlink/socket.ts';
import { readProcStat } from '../proc/proc-files.ts';
import type { CpuCounters } from '../table.ts';
import { openTable } from './dump.ts';
import { CT_GET_STATS_CPU } from '../wire/constants.ts';
import { encodeDump } from '../wire/requests.ts';
import { decodeCpuStats } from '../wire/stats.ts';

/** Per-CPU counters by netlink on a socket that stays open (9 us a read), or from /proc/net/stat if netlink is refused. */
export class CpuStats {
  #socket: NetlinkSocket | undefined;

  /** Empty if the kernel offers neither. */
  read(): CpuCounters[] {
    try {
      this.#socket ??= openTable();
      return readDump(this.#socket, { type: CT_GET_STATS_CPU, body: encodeDump(), doing: 'cannot read the counters' }, decodeCpuStats);
    } catch {
      this.close(); // what the socket receives after a failure may belong to the previous request
      return readProcStat();
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
