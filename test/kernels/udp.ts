import { closeSync } from 'node:fs';
import koffi from 'koffi';
import { setHostU16 } from '../../agent/netlink/attributes.ts';
import { parseAddress } from '../../proto/model/address.ts';

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)');
const bind = libc.func('int bind(int, const void *, unsigned int)');
const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, unsigned int)');
const [AF_INET, SOCK_DGRAM] = [2, 2];

/** A UDP socket in the calling thread's namespace that only sends, each packet before the call returns. */
export class UdpSender {
  readonly #fd: number;

  constructor(address: string, port: number) {
    this.#fd = socket(AF_INET, SOCK_DGRAM, 0) as number;
    const name = nameOf(address, port);
    if (this.#fd < 0 || bind(this.#fd, name, name.length) !== 0)
      throw new Error(`no UDP socket at ${address}:${port}: errno ${koffi.errno()}`);
  }

  /** False if the kernel said that it must not be sent, as it does for a packet that its own tables drop. */
  send(address: string, port: number): boolean {
    const name = nameOf(address, port);
    return Number(sendto(this.#fd, Uint8Array.of(1), 1, 0, name, name.length)) === 1;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function nameOf(address: string, port: number): Uint8Array {
  const name = new Uint8Array(16); // struct sockaddr_in
  setHostU16(name, 0, AF_INET);
  name.set([port >> 8, port & 0xff], 2);
  name.set(parseAddress(address)!, 4);
  return name;
}
