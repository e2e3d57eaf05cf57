import { NETLINK_NETFILTER } from '../netlink/constants.ts';
import { readMessages } from '../netlink/message.ts';
import { NetlinkError, NetlinkSocket } from '../netlink/socket.ts';
import { NFNLGRP_NFTABLES, NFT_MSG } from './nf-tables.ts';

const BLOCK_BYTES = 65_536;
/** Read at one time; what is left of a flood says no more than that something changed, and comes the next time. */
const MAX_BLOCKS = 256;
/** Messages that come with changes of elements alone, generation included. */
const OF_ELEMENTS = new Set<number>([NFT_MSG.NEWSETELEM, NFT_MSG.DELSETELEM, NFT_MSG.NEWGEN]);

/** What has changed: rules, chains and sets themselves, or only what is in sets. */
export type RuleChange = 'rules' | 'elements';

/** Hears that nf_tables of the network namespace of the calling thread changed. Needs CAP_NET_ADMIN. */
export class RuleEvents {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 20, sendBuffer: 4096, groups: [NFNLGRP_NFTABLES] });
  readonly #block = new Uint8Array(BLOCK_BYTES);

  /** What changed since the last time, undefined for nothing; does not wait. Messages that were lost count as a change of rules. */
  take(): RuleChange | undefined {
    let change: RuleChange | undefined;
    for (let blocks = 0; blocks < MAX_BLOCKS && this.#socket.hasMessages(); blocks++) {
      try {
        const length = this.#socket.receive(this.#block);
        if (length === undefined) break;
        if (change !== 'rules') for (const { type } of readMessages(this.#block.subarray(0, length))) change = OF_ELEMENTS.has(type) ? change ?? 'elements' : 'rules';
      } catch (error) {
        if (!(error instanceof NetlinkError && error.code === 'ENOBUFS')) throw error;
        change = 'rules';
      }
    }
    return change;
  }

  close(): void {
    this.#socket.close();
  }
}
