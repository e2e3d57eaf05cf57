import { formatAddress } from '../../proto/model/address.ts';
import type { Wan } from './wans.ts';
import { Answering } from './probe-state.ts';
import { decodeEchoReply, encodeEcho } from './icmp-echo.ts';
import { PingSocket, type PingTarget } from './ping-socket.ts';

interface Probe {
  target: PingTarget;
  answering: Answering;
  socket: PingSocket | undefined;
}

/** Pings through each WAN: the address configured for its interface, else the next hop of its default route. */
export class WanProbes {
  readonly #configured: ReadonlyMap<string, string>;
  readonly #probes = new Map<string, Probe>();
  readonly #id: number;
  /** The WANs that the probes are based on; any change makes it another array. */
  #followed: readonly Wan[] | undefined;
  #sequence = 0;
  #why: string | undefined;

  /**
   * @param configured addresses by interface
   * @param id tells answers to this process from those to others
   */
  constructor(configured: ReadonlyMap<string, string>, id: number) {
    this.#configured = configured;
    this.#id = id & 0xffff;
  }

  /** Why the last probe could not be sent; undefined if it could. */
  get why(): string | undefined {
    return this.#why;
  }

  /** The addresses being pinged. */
  get targets(): string[] {
    return [...this.#probes.values()].map(({ target }) => target.address);
  }

  /** Whether the address probed through an interface answers; undefined if nothing is probed, or it never answered. */
  isAnswering(device: string): boolean | undefined {
    return this.#probes.get(device)?.answering.state;
  }

  /** Reads the answers received; true if that changed the state of a WAN. */
  receive(): boolean {
    let isChanged = false;
    for (const { socket, answering } of this.#probes.values()) {
      const before = answering.state;
      for (const packet of socket?.received() ?? []) if (decodeEchoReply(socket!.isV6, packet)?.id === this.#id) answering.answered();
      isChanged ||= before !== answering.state;
    }
    return isChanged;
  }

  /** Sends the next probe through each WAN; true if one has fallen silent. */
  send(wans: readonly Wan[]): boolean {
    this.#follow(wans);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#why = undefined;
    let isChanged = false;
    for (const probe of this.#probes.values()) {
      const before = probe.answering.state;
      probe.answering.sending();
      isChanged ||= before !== probe.answering.state;
      this.#sendOne(probe);
    }
    return isChanged;
  }

  close(): void {
    for (const { socket } of this.#probes.values()) socket?.close();
    this.#probes.clear();
  }

  /** An interface that was re-created has another index, and a socket bound to the old one is useless: after a failure it is reopened. */
  #sendOne(probe: Probe): void {
    try {
      probe.socket ??= new PingSocket(probe.target);
      if (probe.socket.send(encodeEcho(probe.socket.isV6, this.#id, this.#sequence))) return;
    } catch (error) {
      this.#why = (error as Error).message;
    }
    probe.socket?.close();
    probe.socket = undefined;
  }

  /** Updates targets and sources; a probe whose target was replaced starts from scratch. */
  #follow(wans: readonly Wan[]): void {
    if (wans === this.#followed) return;
    this.#followed = wans;
    for (const { interface: device, nextHop, addresses } of wans) {
      const address = this.#configured.get(device) ?? nextHop;
      if (address === undefined) continue;
      const source = addresses.map(formatAddress).find((text) => text.includes(':') === address.includes(':'));
      const known = this.#probes.get(device);
      if (known?.target.address === address && known.target.source === source) continue;
      known?.socket?.close();
      const answering = known?.target.address === address ? known.answering : new Answering();
      this.#probes.set(device, { target: { device, address, source }, answering, socket: undefined });
    }
  }
}
