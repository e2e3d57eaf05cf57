import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KernelTable } from '../../agent/conntrack/kernel/kernel-table.ts';
import { Disk } from '../../agent/disk/disk.ts';
import { ChangeFolder } from '../../agent/policies/applying/change-folder.ts';
import { deadManOf } from '../../agent/policies/applying/dead-man.ts';
import { kernelHandsOf } from '../../agent/policies/applying/kernel-hands.ts';
import { PolicyChanges } from '../../agent/policies/applying/policy-changes.ts';
import { networkNamespace } from '../../agent/policies/network-namespace.ts';
import { ownIdentity } from '../../agent/policies/applying/process-identity.ts';
import { readActual } from '../../agent/policies/reading/read-actual.ts';
import { bootClock } from '../../agent/time/boot-clock.ts';
import { parseAddress } from '../../proto/model/address.ts';
import type { PolicySpec } from '../../proto/model/policy/document.ts';
import { PROTOCOLS } from '../../proto/model/protocol.ts';
import { enterNamespace } from './namespace.ts';
import { policyOf } from './policy-changing.ts';
import { outcomeOf } from './rules/corpus.ts';
import type { TestPacket } from './rules/frame.ts';
import { RuleStage, type Device } from './rules/stage.ts';

export type Family = 4 | 6;
/** A client in the LAN and a server behind wan1. */
export const ENDS = { 4: ['10.0.0.5', '203.0.113.7'], 6: ['fd00:1::5', '2001:db8:9::7'] } as const;
export const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 0x10];
export const FORWARDED = { lan: 'forwarded by wan1', wan1: 'forwarded by lan' } as const;
const LONG_MS = 120_000;

/** What a packet has beside its ends. */
export type More = Partial<Omit<TestPacket, 'family' | 'src' | 'dst'>>;

/**
 * A gateway on which policies are put in force as an administrator does it, and packets of a client and a server that are made by hand. The
 * calling thread is in the gateway until `end`.
 */
export class PolicyTrial {
  readonly stage: RuleStage;
  readonly table: KernelTable;
  readonly changes: PolicyChanges;
  readonly #stateDir = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-policy-trial-'));
  readonly #folder = new ChangeFolder(this.#stateDir, new Disk());
  readonly #leave: () => void;

  constructor(prefix: string) {
    this.stage = new RuleStage(prefix);
    this.#leave = enterNamespace(this.stage.gateway);
    this.table = new KernelTable();
    this.changes = new PolicyChanges({
      folder: this.#folder,
      kernel: kernelHandsOf(),
      policies: { read: async () => readActual() },
      deadMan: deadManOf(this.#stateDir, bootClock),
      clock: bootClock,
      now: Date.now,
      spared: async () => [],
      endUnmet: async () => ({ ended: 0, left: 0 }),
      process: ownIdentity,
      namespace: networkNamespace,
    });
  }

  /** Puts a policy in force; kept until `restore` unless it is confirmed. */
  async apply(spec: Partial<PolicySpec>): Promise<void> {
    await this.changes.apply(policyOf(spec), LONG_MS);
  }

  async confirm(): Promise<void> {
    await this.changes.confirm({ openedAtBootMs: bootClock.bootMs() });
  }

  /** The gateway as it was, without rules, flows or a policy. */
  async reset(): Promise<void> {
    if (this.#folder.pending()) await this.changes.restore('The test is over.');
    this.stage.reset();
  }

  /** Rules of the gateway's own firewall. */
  firewall(rules: string): void {
    this.stage.run('nft', ['-f', '-'], rules);
  }

  set(setting: string, value: number): void {
    this.stage.run('sysctl', ['-qw', `net.netfilter.nf_conntrack_${setting}=${value}`]);
  }

  setting(name: string): number {
    return Number(this.stage.run('sysctl', ['-n', `net.netfilter.nf_conntrack_${name}`]));
  }

  /** A packet of the client to the server, or back if it comes in by wan1. */
  packet(from: 'lan' | 'wan1', family: Family, proto: keyof typeof PROTOCOLS, more: More = {}): TestPacket {
    const [client, server] = ENDS[family].map((text) => parseAddress(text)!) as [Uint8Array, Uint8Array];
    const [src, dst] = from === 'lan' ? [client, server] : [server, client];
    return { family, proto: PROTOCOLS[proto], src, dst, ...more };
  }

  /** What becomes of it, in words. */
  fate(from: Device, packet: TestPacket): string {
    return outcomeOf({ from, packet }, this.stage.send(from, packet)).text;
  }

  send(from: 'lan' | 'wan1', family: Family, proto: keyof typeof PROTOCOLS, more: More = {}): string {
    return this.fate(from, this.packet(from, family, proto, more));
  }

  async end(): Promise<void> {
    await this.reset();
    await this.table.close();
    this.#leave();
    this.stage.remove();
    rmSync(this.#stateDir, { recursive: true, force: true });
  }
}

/** Segments of one TCP connection of the client, each with the numbers that follow from those before. */
export class Connection {
  readonly #trial: PolicyTrial;
  readonly #family: Family;
  readonly #ports: { sport: number; dport: number };
  /** The next number of each side. */
  readonly next = { lan: 1000, wan1: 5000 };

  constructor(trial: PolicyTrial, family: Family, sport: number, dport: number) {
    [this.#trial, this.#family, this.#ports] = [trial, family, { sport, dport }];
  }

  /** Both of its ends have sent what opens it. Returns what became of the three packets. */
  open(): string[] {
    return [this.segment('lan', SYN), this.segment('wan1', SYN | ACK), this.segment('lan', ACK)];
  }

  segment(from: 'lan' | 'wan1', tcpFlags: number, more: More = {}): string {
    const { lan, wan1 } = this.next;
    const [seq, ack] = from === 'lan' ? [lan, wan1] : [wan1, lan];
    const fate = this.#trial.send(from, this.#family, 'tcp', { ...this.#ends(from), tcpFlags, seq, ack, ...more });
    if (more.seq === undefined) this.next[from] += (more.payload?.length ?? 0) + (tcpFlags & (SYN | FIN) ? 1 : 0);
    return fate;
  }

  /** A line that one side says, and the other acknowledges. */
  say(from: 'lan' | 'wan1', payload: Uint8Array | string): string[] {
    const said = this.segment(from, PSH | ACK, { payload: Buffer.from(payload) });
    return [said, this.segment(from === 'lan' ? 'wan1' : 'lan', ACK)];
  }

  #ends(from: 'lan' | 'wan1'): More {
    const { sport, dport } = this.#ports;
    return from === 'lan' ? { sport, dport } : { sport: dport, dport: sport };
  }
}
