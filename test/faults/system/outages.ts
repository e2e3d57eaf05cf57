import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../../../agent/conntrack/memory/synthetic-flows.ts';
import type { DiskFault } from '../disk.ts';
import type { Fleet } from './fleet.ts';
import { cloneGateway, restoreBackup } from './incidents.ts';
import type { ProcessName } from './parts.ts';
import { RELEASE_KINDS, REPLICA_KINDS } from './replica-outages.ts';

/** What can happen to a part, and how it is repaired. `share`: how often, relative to others. */
export interface Kind {
  part: string;
  share: number;
  strike: (fleet: Fleet) => Promise<void>;
  mend: (fleet: Fleet) => Promise<void>;
  lastsMs: number;
}

const nothing = (): Promise<void> => Promise.resolve();

function killed(name: ProcessName, share: number): Kind {
  return { part: name, share, strike: ({ parts }) => parts.signal(name, 'SIGKILL'), mend: ({ parts }) => parts.restart(name), lastsMs: 0 };
}

function stopped(name: ProcessName, share: number, lastsMs: number): Kind {
  return {
    part: name,
    share,
    strike: ({ parts }) => parts.signal(name, 'SIGSTOP'),
    mend: ({ parts }) => parts.signal(name, 'SIGCONT'),
    lastsMs,
  };
}

function disks(diskFault: DiskFault): Kind {
  return {
    part: 'disks',
    share: 1,
    strike: async ({ parts }) => parts.setWeather({ diskFault }),
    mend: async ({ parts }) => parts.setWeather({}),
    lastsMs: 3000,
  };
}

/** The clocks of all gateways are set, and their agents start while they are wrong; then they are put right. */
function clocks(wallAheadMs: number): Kind {
  const restart = async ({ parts }: Fleet): Promise<void> => {
    await parts.signal('agents', 'SIGKILL');
    parts.startAgents();
  };
  return {
    part: 'clocks',
    share: 1,
    lastsMs: 3000,
    strike: async (fleet) => {
      fleet.parts.setWeather({ wallAheadMs });
      await restart(fleet);
    },
    mend: async ({ parts }) => parts.setWeather({}),
  };
}

const MINUTE_MS = 60_000;
/** Work that a restored backup takes back. */
const FORGOTTEN_MS = 3000;

/**
 * BullMQ reassigns a job after 15 s at most (controller/queue/queues.ts); a worker that was stopped for longer wakes up without its lock.
 */
const LONGER_THAN_A_LOCK_MS = 16_000;

/** Everything that is done to the system, by name. */
export const KINDS = {
  'front-1 killed': killed('front-1', 3),
  'front-2 killed': killed('front-2', 3),
  'front-1 stopped': stopped('front-1', 2, 3000),
  'front-2 stopped': stopped('front-2', 2, 3000),
  'worker-1 killed': killed('worker-1', 3),
  'worker-2 killed': killed('worker-2', 2),
  'worker-1 stopped beyond its lock': stopped('worker-1', 1, LONGER_THAN_A_LOCK_MS),
  'agents killed': killed('agents', 4),
  'agents stopped': stopped('agents', 2, 3000),
  'redis emptied': { part: 'redis', share: 2, strike: ({ parts }) => parts.flushRedis(), mend: nothing, lastsMs: 0 },
  'redis killed': {
    part: 'redis',
    share: 2,
    strike: ({ parts }) => parts.killRedis(),
    mend: ({ parts }) => parts.startRedis(),
    lastsMs: 1000,
  },
  'postgres crashed': {
    part: 'postgres',
    share: 3,
    strike: ({ parts }) => parts.crashPostgres(),
    mend: ({ parts }) => parts.startPostgres(),
    lastsMs: 1000,
  },
  'link cut': { part: 'link', share: 2, strike: async ({ parts }) => parts.proxy.cut(), mend: nothing, lastsMs: 0 },
  'link silent': {
    part: 'link',
    share: 1,
    strike: async ({ parts }) => void (parts.proxy.weather = 'mute'),
    mend: async ({ parts }) => {
      parts.proxy.weather = 'open';
      parts.proxy.cut();
    },
    lastsMs: 4000,
  },
  'link slow': {
    part: 'link',
    share: 1,
    strike: async ({ parts }) => void (parts.proxy.weather = 'slow'),
    mend: async ({ parts }) => void (parts.proxy.weather = 'open'),
    lastsMs: 4000,
  },
  'disks write short': disks('short'),
  'disks full': disks('full'),
  'disks without fsync': disks('unsynced'),
  'clocks set back': clocks(-10 * MINUTE_MS),
  'clocks set forward': clocks(2 * 24 * 60 * MINUTE_MS),
  'gateway cloned': { part: 'gateway', share: 1, strike: cloneGateway, mend: nothing, lastsMs: 0 },
  'backup restored': {
    part: 'postgres',
    share: 1,
    strike: (fleet) => restoreBackup(fleet, () => delay(FORGOTTEN_MS)),
    mend: nothing,
    lastsMs: 0,
  },
} as const satisfies Record<string, Kind>;
export type KindName = string;

/** Everything that can be done, also to replicas. Throws for an unknown name. */
export function kindOf(name: KindName): Kind {
  const kind = ({ ...KINDS, ...REPLICA_KINDS, ...RELEASE_KINDS } as Record<string, Kind>)[name];
  if (!kind) throw new Error(`there is no fault “${name}”`);
  return kind;
}

/** Those for a run of under a minute, with one front and quick repairs. */
export const SHORT_KINDS: readonly KindName[] = [
  'front-1 killed',
  'front-1 stopped',
  'worker-1 killed',
  'worker-2 killed',
  'agents killed',
  'agents stopped',
  'redis emptied',
  'redis killed',
  'postgres crashed',
  'link cut',
  'disks write short',
  'disks full',
  'clocks set back',
  'gateway cloned',
];

/** What is done in a run, in order: each kind that there is room for at least once, then by share. The same seed gives the same order. */
export function schedule(
  seed: number,
  count: number,
  kinds: readonly KindName[] = Object.keys(KINDS),
): { kind: KindName; afterMs: number }[] {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const lots = kinds.flatMap((kind) => Array.from({ length: kindOf(kind).share }, () => kind));
  const first = kinds
    .map((kind) => ({ kind, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ kind }) => kind)
    .slice(0, count);
  return [...first, ...Array.from({ length: count - first.length }, () => pick(lots))].map((kind) => ({
    kind,
    afterMs: Math.round(300 + random() * 1200),
  }));
}

/** Causes it, waits for its duration, and repairs it. */
export async function undergo(fleet: Fleet, name: KindName): Promise<{ fromMs: number; toMs: number }> {
  const { strike, mend, lastsMs } = kindOf(name);
  const fromMs = Date.now();
  await strike(fleet);
  await delay(lastsMs);
  await mend(fleet);
  return { fromMs, toMs: Date.now() };
}
