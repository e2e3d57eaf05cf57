import path from 'node:path';
import { sparedConditions } from '../../../proto/model/block/of-filter.ts';
import type { PacketCondition, RefusedPackets } from '../../../proto/model/block/packets.ts';
import { refusedBytes } from '../../../proto/wire/block.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { FlowFilter } from '../../../proto/model/filter/filter.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { bootClock } from '../../time/boot-clock.ts';
import type { Clock } from '../../time/clock.ts';
import type { Disk } from '../../disk/disk.ts';
import { formatBlockFile, parseBlockFile, type BegunBlock } from './block-file.ts';
import { BLOCK_TABLE, blockTable, flowPackets, noBlockTable, type BlockText } from './block-rules.ts';
import { readBlocks, type FoundBlocks } from './found-blocks.ts';
import { listTable, nft } from './nft.ts';
import { canBothHold, checksOfAll, headersOf, ofFamily } from './packet-checks.ts';

/** Flows whose packets are never refused, and why in words for people. */
export interface SparedFlows {
  reason: string;
  filter: FlowFilter;
}

export interface BlockDependencies {
  clock: Clock;
  stateDir: string;
  disk: Disk;
  /** What is never refused, as it is now. */
  protections: () => readonly SparedFlows[];
  /** All blocks are ended before their time, and why. */
  onEnded?: (why: string) => void;
}

/** A block that stands, and how many packets it has refused since it began. */
export interface StandingBlock extends BegunBlock {
  packets: bigint;
}

type Live = BegunBlock & Pick<BlockText, 'packets' | 'bytes'> & { flows4: string[]; flows6: string[] };

/** How often it is looked whether all that is blocked still is: a firewall that is loaded again takes our table away with its own. */
const LOOK_MS = 2000;
/** The kernel forgets an element a moment after its time. */
const GRACE_MS = 500;
/** Blocks at one time: each packet of the gateway is held against all of them. */
const MAX_BLOCKS = 100;
/** What all of them refuse goes into one message of the link. */
const MAX_SAID_BYTES = 160 * 1024;

/**
 * What is blocked on this gateway, in an nft table of our own. The kernel holds each block for its time, whether the agent runs or not; an
 * agent that starts adopts those of the one before it, and a reboot ends all. Where somebody else takes the table away, it is put back at
 * the next look. The table is made whole at each change, in one step, so that no packet finds half of it.
 */
export class Blocks {
  readonly #deps: BlockDependencies;
  readonly #file: string;
  readonly #closing = new AbortController();
  readonly #listeners: (() => void)[] = [];
  readonly #live = new Map<string, Live>();
  #tail: Promise<void> = Promise.resolve();
  #sweeping: Promise<void> | undefined;
  /** Of the table as we made it; undefined where it is not there or not known. */
  #shape: string | undefined;
  #spared = '';

  constructor(deps: BlockDependencies) {
    this.#deps = deps;
    this.#file = path.join(deps.stateDir, 'blocks.json');
  }

  /** Calls a listener whenever blocks have begun or ended. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Takes over what an agent before this one left. Throws CAPABILITY_MISSING where nft cannot be asked. */
  async adopt(): Promise<void> {
    const { clock, disk } = this.#deps;
    const kept = disk.read(this.#file, parseBlockFile);
    await this.#inTurn(async () => {
      const found = await this.#found();
      const nowMs = clock.now();
      for (const block of kept?.bootId === bootClock.bootId() ? kept.blocks : []) {
        const standing = found?.blocks.get(tokenOf(block.id));
        const untilMs = standing ? nowMs + standing.leftSeconds * 1000 : block.untilMs;
        if ((!standing || standing.leftSeconds > 0) && untilMs > nowMs)
          this.#live.set(block.id, { ...nothingYet(), ...block, ...standing, untilMs });
      }
      // Rebuilding also repairs a table of which nothing is known.
      if (this.#live.size > 0) await this.#put();
      else if (found) await nft(['-f', '-'], noBlockTable());
    });
    this.#look();
  }

  /**
   * Why nothing can be blocked here; undefined where it can. The kernel is given all that we would make, and makes none of it (`nft -c`).
   */
  async whyNot(): Promise<string | undefined> {
    try {
      await this.#inTurn(async () => {
        await nft(['-c', '-f', '-'], blockTable([{ ...nothingYet(), token: 'trial', conditions: TRIAL, leftSeconds: 1 }], []));
      });
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /**
   * Throws what stands against one block more, before anything is touched: FILTER_NOT_OF_PACKETS, GUARD_REFUSED where it would refuse what
   * is protected, RATE_LIMITED where too much is blocked already.
   */
  check(refused: RefusedPackets): void {
    checksOfAll(refused.anyOf);
    const why = this.#whyNothing();
    if (why !== undefined) throw new FleetError('GUARD_REFUSED', `Nothing was blocked: ${why}.`);
    if (this.#live.size >= MAX_BLOCKS)
      throw new FleetError('RATE_LIMITED', `${MAX_BLOCKS} blocks are already active on this gateway. Lift one, or wait for one to end.`);
    const said = [...this.#live.values(), { refused }].reduce((bytes, block) => bytes + refusedBytes(block.refused).length, 0);
    if (said > MAX_SAID_BYTES)
      throw new FleetError(
        'RATE_LIMITED',
        'The blocks of this gateway name too many addresses together; lift one, use prefixes, or wait for the end of one.',
      );
  }

  #whyNothing(): string | undefined {
    const hidden = this.#deps.protections().find(({ filter }) => sparedBy(filter) === undefined);
    return (
      hidden &&
      `what is protected as “${hidden.reason}” cannot be told by a packet, and so nothing can be blocked here; name its addresses or ports in the guard file`
    );
  }

  /** What a block lets through all the same, in the words of its protection; what certainly is no part of it is not named. */
  spares({ anyOf }: RefusedPackets): string[] {
    const headers = (conditions: readonly PacketCondition[], family: 4 | 6) =>
      checksOfAll(conditions).flatMap((checks) => headersOf(ofFamily(checks, family) ?? NEVER));
    return [
      ...new Set(
        this.#deps.protections().flatMap(({ reason, filter }) => {
          const meets = ([4, 6] as const).some((family) => {
            const refused = headers(anyOf, family);
            return headers(sparedBy(filter) ?? [], family).some((spared) => refused.some((one) => canBothHold(one, spared)));
          });
          return meets ? [reason] : [];
        }),
      ),
    ];
  }

  /**
   * Refuses these packets from now on, for their time; one that a crash interrupted for what is left of it since it was begun. One that
   * stands already goes on. Throws CAPABILITY_MISSING, what check throws and what the disk throws; nothing is refused then.
   */
  async begin({ id, planId, refused }: Pick<BegunBlock, 'id' | 'planId' | 'refused'>, begunMs = this.#deps.clock.now()): Promise<void> {
    await this.#inTurn(async () => {
      const untilMs = begunMs + refused.seconds * 1000;
      if (this.#live.has(id) || untilMs <= this.#deps.clock.now()) return;
      this.check(refused);
      this.#live.set(id, { ...nothingYet(), id, planId, refused, sinceMs: begunMs, untilMs, flows: 0 });
      try {
        this.#remember();
        await this.#renew();
      } catch (error) {
        this.#live.delete(id);
        this.#remember();
        throw error;
      }
    });
    this.#changed();
  }

  /** Refuses what these flows' packets look like as well, so that the other end is told too, whose packets belong to no flow any more. */
  async addFlows(id: string, flows: readonly Flow[]): Promise<void> {
    await this.#inTurn(async () => {
      const block = this.#live.get(id);
      if (!block || flows.length === 0) return;
      const token = tokenOf(id);
      let commands = '';
      for (const family of [4, 6] as const) {
        const packets = [...new Set(flows.filter((flow) => flow.family === family).flatMap(flowPackets))];
        for (const packet of packets) block[`flows${family}`].push(packet);
        if (packets.length > 0) commands += `add element ${BLOCK_TABLE} flows${family}_${token} { ${packets.join(', ')} }\n`;
      }
      block.flows += flows.length;
      if (commands !== '') await nft(['-f', '-'], commands).catch(() => this.#renew());
    });
  }

  /** Ends blocks before their time; those that do not stand are passed over. */
  async lift(ids: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      const own = ids.filter((id) => this.#live.has(id));
      if (own.length === 0) return;
      await this.#count();
      for (const id of own) this.#live.delete(id);
      this.#remember();
      await this.#put();
    });
    this.#changed();
  }

  /**
   * Looks whether a block stands as it should, and puts right what somebody else changed; what it has refused. Undefined once it has ended.
   * Throws CAPABILITY_MISSING where the kernel cannot be asked.
   */
  async verify(id: string): Promise<StandingBlock | undefined> {
    return this.#inTurn(async () => {
      const block = this.#live.get(id);
      if (!block || block.untilMs <= this.#deps.clock.now()) return undefined;
      if ((await this.#count())?.shape !== this.#shape) await this.#put();
      this.#remember();
      return toStanding(block);
    });
  }

  /** What stands now, with what it has refused as the kernel counts it. */
  async standing(): Promise<StandingBlock[]> {
    await this.#inTurn(() => this.#count()).catch(() => undefined);
    const nowMs = this.#deps.clock.now();
    return [...this.#live.values()].filter(({ untilMs }) => untilMs > nowMs).map(toStanding);
  }

  /** Leaves what is blocked to the kernel, which forgets each in its time; the next agent takes the table away. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sweeping;
    await this.#tail;
  }

  #changed(): void {
    this.#look();
    this.#tellListeners();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  #look(): void {
    if (this.#live.size > 0) this.#sweeping ??= this.#sweep();
  }

  /** Until nothing is blocked any more, or the agent ends. What fails is tried again at the next look. */
  async #sweep(): Promise<void> {
    const { signal } = this.#closing;
    let hasFailed = false;
    while (this.#live.size > 0 && !signal.aborted) {
      const leftMs = Math.min(...[...this.#live.values()].map(({ untilMs }) => untilMs)) + GRACE_MS - this.#deps.clock.now();
      await this.#deps.clock.delay(hasFailed ? LOOK_MS : Math.min(Math.max(0, leftMs), LOOK_MS), signal);
      hasFailed = await this.#inTurn(() => this.#tend()).then(
        () => false,
        () => true,
      );
    }
    this.#sweeping = undefined;
  }

  async #tend(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const nowMs = this.#deps.clock.now();
    // What the guard file protects now must not be refused until the end of what began before.
    const why = this.#whyNothing();
    const over = [...this.#live.values()].filter(({ untilMs }) => why !== undefined || nowMs >= untilMs + GRACE_MS);
    if (why !== undefined) this.#deps.onEnded?.(why);
    const found = await this.#count();
    if (over.length === 0 && found?.shape === this.#shape && this.#spared === sparedKey(this.#deps.protections())) return;
    await this.#put(over.map(({ id }) => id));
    if (over.length === 0) return;
    for (const { id } of over) this.#live.delete(id);
    this.#remember();
    this.#tellListeners();
  }

  /** What the table has counted, so that it is not lost where it is made again. */
  async #count(): Promise<FoundBlocks | undefined> {
    if (this.#live.size === 0) return undefined;
    const found = await this.#found(['-t']);
    for (const block of this.#live.values()) {
      const own = found?.blocks.get(tokenOf(block.id));
      // A table that somebody else emptied counts from nothing; what we know is more.
      if (own && own.packets >= block.packets) [block.packets, block.bytes] = [own.packets, own.bytes];
    }
    return found;
  }

  async #renew(): Promise<void> {
    await this.#count();
    await this.#put();
  }

  /** Makes the table as it is to be, but for blocks that are over. */
  async #put(over: readonly string[] = []): Promise<void> {
    const nowMs = this.#deps.clock.now();
    const blocks = [...this.#live.values()].filter(({ id }) => !over.includes(id));
    const protections = this.#deps.protections();
    const texts = blocks.map((block): BlockText => ({
      ...block,
      token: tokenOf(block.id),
      conditions: block.refused.anyOf,
      leftSeconds: Math.max(1, Math.ceil((block.untilMs - nowMs) / 1000)),
    }));
    this.#shape = undefined;
    if (texts.length === 0) return void (await nft(['-f', '-'], `add table ${BLOCK_TABLE}\n${noBlockTable()}`));
    await nft(
      ['-f', '-'],
      blockTable(
        texts,
        protections.flatMap(({ filter }) => sparedBy(filter) ?? []),
      ),
    );
    this.#shape = (await this.#found(['-t']))?.shape;
    this.#spared = sparedKey(protections);
  }

  async #found(flags: readonly string[] = []): Promise<FoundBlocks | undefined> {
    const listing = await listTable(BLOCK_TABLE, flags);
    return listing === undefined ? undefined : readBlocks(listing);
  }

  #remember(): void {
    const blocks = [...this.#live.values()].map(({ id, planId, refused, sinceMs, untilMs, flows }) => ({
      id,
      planId,
      refused,
      sinceMs,
      untilMs,
      flows,
    }));
    this.#deps.disk.write(this.#file, formatBlockFile({ bootId: bootClock.bootId(), blocks }));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }
}

function nothingYet(): Pick<Live, 'packets' | 'bytes' | 'flows4' | 'flows6'> {
  return { packets: 0n, bytes: 0n, flows4: [], flows6: [] };
}

/** One of each kind of rule. */
const TRIAL: PacketCondition[] = [
  [{ field: 'ip', isNot: false, prefixes: [{ family: 4, address: Uint8Array.of(192, 0, 2, 1), bits: 32 }], ranges: [{ from: 9, to: 9 }] }],
];
/** Met by no packet. */
const NEVER = [{ on: 'snat' as const, isNot: false }];

function toStanding({ id, planId, refused, sinceMs, untilMs, flows, packets }: Live): StandingBlock {
  return { id, planId, refused, sinceMs, untilMs, flows, packets };
}

/** The packets of what is protected; undefined where they cannot be told from others. */
function sparedBy(filter: FlowFilter): PacketCondition[] | undefined {
  try {
    const conditions = sparedConditions(filter);
    if (conditions) checksOfAll(conditions);
    return conditions;
  } catch (error) {
    if (error instanceof FleetError) return undefined;
    throw error;
  }
}

/** Letters and digits that stand for a block in names of nft. */
function tokenOf(id: string): string {
  return id.replaceAll(/[^0-9a-zA-Z]/g, '_');
}

function sparedKey(protections: readonly SparedFlows[]): string {
  return JSON.stringify(protections.map(({ filter }) => filter));
}
