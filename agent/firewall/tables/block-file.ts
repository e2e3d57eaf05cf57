import { z } from 'zod';
import { RefusedPackets as WireRefused } from '../../../proto/gen/ctfleet/v1/operation.ts';
import type { RefusedPackets } from '../../../proto/model/block/packets.ts';
import { fromWireRefused, toWireRefused } from '../../../proto/wire/block.ts';

/** A block that was begun. Times are milliseconds of the agent's clock. `id`: of its command, or of the remediation's run. */
export interface BegunBlock {
  id: string;
  planId: string;
  refused: RefusedPackets;
  sinceMs: number;
  untilMs: number;
  flows: number;
}

/** What is remembered of blocks on disk. `bootId`: of the kernel that holds them; another one holds none. */
export interface BlockFile {
  bootId: string;
  blocks: BegunBlock[];
}

const schema = z.object({
  bootId: z.string(),
  blocks: z.array(
    z.object({ id: z.string(), planId: z.string(), refused: z.string(), sinceMs: z.number(), untilMs: z.number(), flows: z.number() }),
  ),
});

export function formatBlockFile({ bootId, blocks }: BlockFile): string {
  return JSON.stringify({
    bootId,
    blocks: blocks.map((block) => ({
      ...block,
      refused: Buffer.from(WireRefused.encode(toWireRefused(block.refused)).finish()).toString('base64'),
    })),
  });
}

/** Throws for what is no such file. */
export function parseBlockFile(bytes: Buffer): BlockFile {
  const { bootId, blocks } = schema.parse(JSON.parse(bytes.toString('utf8')));
  return {
    bootId,
    blocks: blocks.map((block) => ({ ...block, refused: fromWireRefused(WireRefused.decode(Buffer.from(block.refused, 'base64'))) })),
  };
}
