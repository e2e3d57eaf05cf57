import type { PlanGateway } from '../generated/prisma/client.ts';

/** One gateway's part as it is stored: with its flows in chunks; of a policy without, and `flows` counts what changes. */
export interface NewPlanGateway extends Omit<PlanGateway, 'planId' | 'digest' | 'refused'> {
  digest?: Uint8Array<ArrayBuffer>;
  refused: Uint8Array<ArrayBuffer> | null;
  chunks: { flows: number; batch: Uint8Array<ArrayBuffer> }[];
}
