import { AttributeReader, AttributeWriter } from '../../agent/netlink/attributes.ts';
import { NETLINK_NETFILTER, NLM_F_ACK, NLM_F_REQUEST } from '../../agent/netlink/constants.ts';
import { encodeMessage, readMessages, readVerdict } from '../../agent/netlink/message.ts';
import { NetlinkSocket } from '../../agent/netlink/socket.ts';

const [PACKET, VERDICT, CONFIG] = [3 << 8, (3 << 8) | 1, (3 << 8) | 2];
const NFQA = { PACKET_HDR: 1, VERDICT_HDR: 2, CFG_CMD: 1, CFG_PARAMS: 2 } as const;
const NF_ACCEPT = 1;

/** Packets that an nft rule `queue num 0` holds until they are released in their order of arrival. */
export class PacketQueue {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER, { receiveBuffer: 1 << 20, sendBuffer: 1 << 16 });

  constructor() {
    this.#ask(CONFIG, (out) => out.bytes(NFQA.CFG_CMD, Uint8Array.of(1, 0, 0, 0)));
    this.#ask(CONFIG, (out) => out.bytes(NFQA.CFG_PARAMS, Uint8Array.of(0, 0, 0, 0, 1)));
  }

  /** Releases all held packets; returns how many there were. */
  letGo(): number {
    const ids: Uint8Array[] = [];
    const block = new Uint8Array(65_536);
    while (this.#socket.hasMessages()) {
      for (const { type, body } of readMessages(block.subarray(0, this.#socket.receive(block) ?? 0))) {
        if (type !== PACKET) continue;
        const attributes = new AttributeReader(body, {}, 4);
        while (attributes.next()) if (attributes.type === NFQA.PACKET_HDR) ids.push(attributes.bytes().slice(0, 4));
      }
    }
    for (const id of ids) this.#ask(VERDICT, (out) => out.bytes(NFQA.VERDICT_HDR, Uint8Array.of(0, 0, 0, NF_ACCEPT, ...id)));
    return ids.length;
  }

  close(): void {
    this.#socket.close();
  }

  #ask(type: number, write: (out: AttributeWriter) => void): void {
    const body = new AttributeWriter();
    body.raw(Uint8Array.of(0, 0, 0, 0)); // struct nfgenmsg of queue 0
    write(body);
    this.#socket.send(encodeMessage({ type, flags: NLM_F_REQUEST | NLM_F_ACK, seq: this.#socket.nextSeq(), body: body.finish() }));
    const block = new Uint8Array(4096);
    for (const message of readMessages(block.subarray(0, this.#socket.receive(block) ?? 0))) {
      if (message.type === PACKET) throw new Error('a packet was held before it was requested');
      const { errno } = readVerdict(message);
      if (errno !== 0) throw new Error(`packets cannot be held: errno ${errno}`);
    }
  }
}
