import { DecodeError } from '../../netlink/attributes.ts';
import { NETLINK_NETFILTER } from '../../netlink/constants.ts';
import { readMessages } from '../../netlink/message.ts';
import { NetlinkError, NetlinkSocket } from '../../netlink/socket.ts';
import { NFNLGRP_NFTABLES } from './nf-tables.ts';
import { TableTouches, type Touch, type TouchedTable } from './table-touches.ts';

const BLOCK_BYTES = 65_536;
/** For what comes between two looks; a firewall of many thousand rules does not fit, and then it is not known who loaded it. */
const BUFFER_BYTES = 4 << 20;
/** Blocks read per call, so that a flood does not keep the thread. */
const MAX_BLOCKS = 4096;

/** Hears who changes a table in the network namespace of the calling thread. Needs CAP_NET_ADMIN. */
export class TableChangers {
  readonly #touches: TableTouches;
  readonly #socket: NetlinkSocket;
  readonly #block = new Uint8Array(BLOCK_BYTES);

  /** Throws NetlinkError. */
  constructor(table: TouchedTable) {
    this.#touches = new TableTouches(table);
    this.#socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: BUFFER_BYTES, sendBuffer: 1 << 16, groups: [NFNLGRP_NFTABLES] });
  }

  /** How much was heard until now, for `forget`. Does not block. */
  mark(): number {
    this.#drain();
    return this.#touches.heard;
  }

  /** Whoever changed it up to that mark is known, or of no interest any more. */
  forget(upTo: number): void {
    this.#touches.forget(upTo);
  }

  /** Who changed it and was not forgotten, the last first. Does not block. */
  touches(): Touch[] {
    this.#drain();
    return this.#touches.touches();
  }

  close(): void {
    this.#socket.close();
  }

  #drain(): void {
    let isLost = false;
    for (let blocks = 0; this.#socket.hasMessages(); blocks++) {
      if (blocks === MAX_BLOCKS) return this.#touches.lose();
      try {
        const length = this.#socket.receive(this.#block);
        if (length === undefined) break;
        // The loss is told before what waits, and that is from before it.
        if (!isLost) for (const message of readMessages(this.#block.subarray(0, length))) this.#touches.add(message);
      } catch (error) {
        const isLoss = error instanceof DecodeError || (error instanceof NetlinkError && error.code === 'ENOBUFS');
        if (!isLoss) throw error;
        isLost = true;
      }
    }
    if (isLost) this.#touches.lose();
  }
}
