import path from 'node:path';
import { z } from 'zod';
import { formatAddress, parseAddress } from '../../proto/model/address.ts';
import type { VirtualAddress } from '../conntrack/table.ts';
import type { Disk } from '../disk/disk.ts';
import type { Link, LinkAddress } from '../netlink/route-messages.ts';
import type { Observation } from './wans.ts';

/** A bound, because an address may change with each dial-in. */
const MAX_ADDRESSES = 256;
/** 00:00:5e:00:01 and 00:00:5e:00:02, then the virtual router's id (RFC 9568). */
const VRRP_HARDWARE = [0x00, 0x00, 0x5e, 0x00];
const VRRP_FAMILIES = new Set([0x01, 0x02]);

/**
 * Addresses on these links that move between the nodes of a pair. Certain are those that keepalived marks as its own and those of an
 * interface with a VRRP hardware address. A host address (/32, /128) beside a network address may be one: keepalived adds them that way,
 * but others do too. Where a program speaks VRRP, any permanent address may be one.
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

/** Whether a program in this network namespace speaks VRRP, from /proc/net/raw and raw6: the local port of a raw socket is its protocol. */
export function hasVrrpSocket(text: string): boolean {
  return text
    .split('\n')
    .slice(1)
    .some((line) => line.trim().split(/\s+/)[1]?.endsWith(`:${VRRP_PROTOCOL}`));
}

/** 112, in hexadecimal. */
const VRRP_PROTOCOL = '0070';

/**
 * Virtual addresses that were configured, are present, or were present: knowing them matters most on the node that does not hold them now.
 */
export class VirtualAddresses {
  readonly #known = new Map<string, boolean>();
  readonly #store: VirtualAddressStore;

  /** @param said configured in the agent's settings, as text */
  constructor(said: readonly string[], store: VirtualAddressStore) {
    this.#store = store;
    for (const { address, isCertain } of store.load()) this.#known.set(address, isCertain);
    for (const text of said) this.#known.set(formatAddress(parseAddress(text)!), true);
  }

  /** Records what is observed now, and returns it. */
  observe(observation: Observation): Observation {
    for (const { address, isCertain } of observation.virtualAddresses ?? []) {
      const text = formatAddress(address);
      const isSo = isCertain || this.#known.get(text) === true;
      // Newest last, so that the oldest is forgotten first.
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
  .array(z.object({ address: z.string().refine((text) => parseAddress(text) !== undefined, 'is not an address'), isCertain: z.boolean() }))
  .max(MAX_ADDRESSES);
type Kept = z.infer<typeof schema>;

/** The same on disk. A file that cannot be read is set aside and counts as missing. */
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

  /** Writes changes. A write that fails is reported, and tried again next time. */
  keep(addresses: Kept): void {
    const text = JSON.stringify([...addresses].sort((a, b) => (a.address < b.address ? -1 : 1)));
    if (text === this.#kept) return;
    try {
      this.#disk.write(this.#file, text);
      this.#kept = text;
    } catch (error) {
      this.#disk.tell('virtual addresses could not be saved', this.#file, error);
    }
  }
}

/** fe80::/10. */
function isLinkLocal(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}
