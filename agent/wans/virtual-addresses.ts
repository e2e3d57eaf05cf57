import path from 'node:path';
import { z } from 'zod';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import type { VirtualAddress } from '../conntrack/table.ts';
import type { Disk } from '../disk/disk.ts';
import type { Link, LinkAddress } from '../netlink/route-messages.ts';
import type { Observation } from './wans.ts';

/** Of an address that changes with each dial-in there would be no end. */
const MAX_ADDRESSES = 256;
/** 00:00:5e:00:01 and 00:00:5e:00:02, then the virtual router's id (RFC 9568). */
const VRRP_HARDWARE = [0x00, 0x00, 0x5e, 0x00];
const VRRP_FAMILIES = new Set([0x01, 0x02]);

/**
 * Addresses on these links that move between the nodes of a pair. For certain those that keepalived marks as its own and those of an
 * interface
 * with a hardware address of VRRP. A lone address (/32, /128) beside one of a network looks like one: keepalived adds them so, and others
 * do too.
 * Where a program speaks VRRP, any that has no time to live may be one.
 */
export function findVirtualAddresses(links: readonly Link[], addresses: readonly LinkAddress[], speaksVrrp: boolean): VirtualAddress[] {
  const vrrp = new Set(
    links
      .filter(({ hardware }) => hardware && VRRP_HARDWARE.every((byte, at) => hardware[at] === byte) && VRRP_FAMILIES.has(hardware[4]!))
      .map(({ index }) => index),
  );
  const loopback = new Set(links.filter(({ name }) => name === 'lo').map(({ index }) => index));
  return addresses.flatMap((one): VirtualAddress[] => {
    if (loopback.has(one.link) || isLinkLocal(one.bytes)) return [];
    if (one.isKeepalived || vrrp.has(one.link)) return [{ address: one.bytes, isCertain: true }];
    const isLone = one.bits === one.bytes.length * 8;
    const hasNetwork = addresses.some(
      ({ link, bytes, bits }) => link === one.link && bytes.length === one.bytes.length && bits < bytes.length * 8 && !isLinkLocal(bytes),
    );
    return (isLone && hasNetwork) || (speaksVrrp && one.isPermanent) ? [{ address: one.bytes, isCertain: false }] : [];
  });
}

/**
 * Whether a program of this network namespace speaks VRRP, as /proc/net/raw and raw6 tell: the local port of a raw socket is its protocol.
 */
export function hasVrrpSocket(text: string): boolean {
  return text
    .split('\n')
    .slice(1)
    .some((line) => line.trim().split(/\s+/)[1]?.endsWith(`:${VRRP_PROTOCOL}`));
}

/** 112, in hexadecimal. */
const VRRP_PROTOCOL = '0070';

/**
 * Virtual addresses that were said, are there, and were there: on the node that does not hold them now it matters most that they are known.
 */
export class VirtualAddresses {
  readonly #known = new Map<string, boolean>();
  readonly #store: VirtualAddressStore;

  /** @param said by the agent's settings, as text */
  constructor(said: readonly string[], store: VirtualAddressStore) {
    this.#store = store;
    for (const { address, isCertain } of store.load()) this.#known.set(address, isCertain);
    for (const text of said) this.#known.set(formatAddress(parseAddress(text)!), true);
  }

  /** Takes over what is seen now, and gives it back. */
  observe(observation: Observation): Observation {
    for (const { address, isCertain } of observation.virtualAddresses ?? []) {
      const text = formatAddress(address);
      const isSo = isCertain || this.#known.get(text) === true;
      // The newest last, so that the oldest is forgotten first.
      this.#known.delete(text);
      this.#known.set(text, isSo);
      if (this.#known.size > MAX_ADDRESSES) this.#known.delete(this.#known.keys().next().value!);
    }
    this.#store.keep([...this.#known].map(([address, isCertain]) => ({ address, isCertain })));
    return observation;
  }

  all(): VirtualAddress[] {
    return [...this.#known].map(([text, isCertain]) => ({ address: parseAddress(text)!, isCertain }));
  }
}

const schema = z
  .array(z.object({ address: z.string().refine((text) => parseAddress(text) !== undefined, 'is no address'), isCertain: z.boolean() }))
  .max(MAX_ADDRESSES);
type Kept = z.infer<typeof schema>;

/** The same on disk. A file that cannot be read is set aside, and as good as none. */
export class VirtualAddressStore {
  readonly #file: string;
  readonly #disk: Disk;
  #kept = '[]';

  constructor(directory: string, disk: Disk) {
    this.#file = path.join(directory, 'virtual-addresses.json');
    this.#disk = disk;
  }

  load(): Kept {
    return this.#disk.read(this.#file, (bytes) => schema.parse(JSON.parse(bytes.toString('utf8')))) ?? [];
  }

  /** Writes what changed. What cannot be written is told, and tried again. */
  keep(addresses: Kept): void {
    const text = JSON.stringify([...addresses].sort((a, b) => (a.address < b.address ? -1 : 1)));
    if (text === this.#kept) return;
    try {
      this.#disk.write(this.#file, text);
      this.#kept = text;
    } catch (error) {
      this.#disk.tell('virtual addresses could not be kept', this.#file, error);
    }
  }
}

/** fe80::/10. */
function isLinkLocal(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}
