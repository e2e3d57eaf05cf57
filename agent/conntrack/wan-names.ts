import { formatAddress } from '../../proto/model/address.ts';
import type { FlowContext } from './table.ts';
import { networkI32, type RawEntry } from './wire/raw-entry.ts';

/**
 * Which WAN a flow uses: the first that has its reply destination (outbound, translated or not), else its original destination (forwarded
 * ports, services of the gateway), else its original source (the gateway's own connections).
 */
export class WanNames {
  readonly #byText = new Map<string, string>();
  readonly #byV4 = new Map<number, string>();
  readonly #v6: { address: Uint8Array; name: string }[] = [];

  constructor(wans: FlowContext['wans']) {
    for (const { name, addresses } of wans) {
      for (const address of addresses) {
        const text = formatAddress(address);
        if (this.#byText.has(text)) continue;
        this.#byText.set(text, name);
        if (address.length === 4) this.#byV4.set(networkI32(address, 0), name);
        else this.#v6.push({ address, name });
      }
    }
  }

  /** By addresses in text. */
  of(flow: { orig: { src: string; dst: string }; reply: { dst: string } }): string | undefined {
    return this.#byText.get(flow.reply.dst) ?? this.#byText.get(flow.orig.dst) ?? this.#byText.get(flow.orig.src);
  }

  /** By the bytes of an entry. */
  ofEntry({ family, bytes, orig, reply }: RawEntry): string | undefined {
    if (family === 4) return this.#byV4.get(networkI32(bytes, reply.dst)) ?? this.#byV4.get(networkI32(bytes, orig.dst)) ?? this.#byV4.get(networkI32(bytes, orig.src));
    if (this.#v6.length === 0) return undefined;
    return this.#ofV6(bytes, reply.dst) ?? this.#ofV6(bytes, orig.dst) ?? this.#ofV6(bytes, orig.src);
  }

  #ofV6(bytes: Uint8Array, at: number): string | undefined {
    return this.#v6.find(({ address }) => address.every((byte, index) => byte === bytes[at + index]))?.name;
  }
}
