import { z } from 'zod';

const gateway = z.object({
  name: z.string(),
  seed: z.number().int(),
  stateDir: z.string(),
  joinToken: z.string().optional(),
  /** Entries of its table, which it shares with others; absent: a small table of its own whose flows come and go. */
  flows: z.number().int().min(0).max(1_000_000).optional(),
});
export type SimulatedGateway = z.output<typeof gateway>;

/** What the program is told on its standard input. `processes`: absent, as many as the gateways need. */
export const simulation = z.object({
  gateways: z.array(gateway).max(50_000),
  processes: z.number().int().min(1).max(64).optional(),
  /** How often each process reports what it costs, as a line of JSON; absent: never. */
  reportMs: z.number().int().min(100).optional(),
});
export type Simulation = z.output<typeof simulation>;

/** Gateways of one process, as long as there are cores for more. */
const OF_ONE = 1000;
/** Entries of all shared tables of a process, about 100 bytes each, and how many tables they are at most. */
const MAX_SHARED = 400_000;
const MAX_TABLES = 50;

/** The gateways of each process. */
export function shares({ gateways, processes }: Simulation, cores: number): SimulatedGateway[][] {
  const count = processes ?? Math.max(1, Math.min(cores, Math.ceil(gateways.length / OF_ONE)));
  return Array.from({ length: count }, (_, number) => gateways.filter((_gateway, index) => index % count === number)).filter(
    (share) => share.length > 0,
  );
}

/** Which of a process's shared tables a gateway uses: there are as many as memory allows, and each has a seed of its own. */
export function sharedTable({ seed, flows }: { seed: number; flows: number }): number {
  const tables = Math.max(1, Math.min(MAX_TABLES, Math.floor(MAX_SHARED / Math.max(1, flows))));
  return seed % tables;
}
