import { formatAddress } from '../../../proto/model/address.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import { forEachTerm, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import { networkU32 } from '../../netlink/attributes.ts';
import type { Columns } from './columns.ts';
import { IntTable } from './int-table.ts';
import type { FlowContext } from '../table.ts';

/** Refuses `wan:none` if no WAN is known, since every flow would match. Throws CAPABILITY_MISSING. */
export function assertTellable(filter: FlowFilter, { names }: Pick<WanNames, 'names'>): void {
  if (names.length > 0) return;
  forEachTerm(filter, ({ field, match }) => {
    if (field === 'wan' && match.kind === 'none') {
      throw new FleetError('CAPABILITY_MISSING', 'wan:none cannot be evaluated here: no address of a WAN is known on this gateway.');
    }
  });
}

/** Values instead of a WAN's number: the flow belongs to none, or it is not known to which. */
export const NO_WAN = -1;
export const UNKNOWN_WAN = -2;

/** Which address of a flow is its WAN's. */
export const WAN_SIDE = { none: 0, replyDst: 1, origDst: 2, origSrc: 3 } as const;

/**
 * Which WAN a flow uses, by its addresses: the first that has its reply destination (outbound, translated or not), else its original
 * destination (forwarded ports, services of the gateway), else its original source (the gateway's own connections). If routes and rules
 * were consulted as well (stale-rows.ts), they take precedence.
 */
export class WanNames {
  /** The WANs that have an address or an interface, each once. */
  readonly names: string[] = [];
  readonly #byText = new Map<string, number>();
  readonly #v4 = new IntTable();
  readonly #v6: { address: Uint8Array; index: number }[] = [];
  readonly #ofColumns = new WeakMap<Columns, { wans: Int16Array; sides: Uint8Array }>();

  constructor(wans: FlowContext['wans']) {
    for (const { name, addresses } of wans) {
      for (const address of addresses) {
        const text = formatAddress(address);
        if (this.#byText.has(text)) continue;
        if (!this.names.includes(name)) this.names.push(name);
        const index = this.names.indexOf(name);
        this.#byText.set(text, index);
        if (address.length === 4) this.#v4.set(networkU32(address, 0), index);
        else this.#v6.push({ address, index });
      }
    }
    for (const wan of wans) if (wan.interface !== undefined && !this.names.includes(wan.name)) this.names.push(wan.name);
  }

  /** By addresses as text. */
  of(flow: { orig: { src: string; dst: string }; reply: { dst: string } }): string | undefined {
    const index = this.#byText.get(flow.reply.dst) ?? this.#byText.get(flow.orig.dst) ?? this.#byText.get(flow.orig.src);
    return index === undefined ? undefined : this.names[index];
  }

  /** For each row the number of its WAN in `names`, NO_WAN or UNKNOWN_WAN: as judged by routes and rules, or else by its addresses. */
  ofRows(columns: Columns): Int16Array | Float64Array {
    return columns.rare.wan ?? this.ofAddresses(columns);
  }

  /** The same by addresses only. Computed once for the same columns. */
  ofAddresses(columns: Columns): Int16Array {
    return this.#rows(columns).wans;
  }

  /** For each row which of its addresses is the WAN's, a value of WAN_SIDE. */
  sidesOfAddresses(columns: Columns): Uint8Array {
    return this.#rows(columns).sides;
  }

  #rows(columns: Columns): { wans: Int16Array; sides: Uint8Array } {
    let rows = this.#ofColumns.get(columns);
    if (!rows) this.#ofColumns.set(columns, (rows = this.#look(columns)));
    return rows;
  }

  #look({ count, common: { family, origSrc, origDst, replyDst }, addresses6 }: Columns): { wans: Int16Array; sides: Uint8Array } {
    const wans = new Int16Array(count);
    const sides = new Uint8Array(count);
    const v4 = this.#v4;
    const v6 = new Int16Array(addresses6.count).fill(-1);
    for (const { address, index } of this.#v6) {
      const at = addresses6.find(address);
      if (at >= 0) v6[at] = index;
    }
    for (let row = 0; row < count; row++) {
      const isV4 = family[row] === 4;
      let side: number = WAN_SIDE.replyDst;
      let wan = isV4 ? v4.get(replyDst[row]!) : v6[replyDst[row]!]!;
      if (wan < 0) {
        side = WAN_SIDE.origDst;
        wan = isV4 ? v4.get(origDst[row]!) : v6[origDst[row]!]!;
      }
      if (wan < 0) {
        side = WAN_SIDE.origSrc;
        wan = isV4 ? v4.get(origSrc[row]!) : v6[origSrc[row]!]!;
      }
      wans[row] = wan;
      if (wan >= 0) sides[row] = side;
    }
    return { wans, sides };
  }
}
