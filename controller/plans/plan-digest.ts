import { createHash, type Hash } from 'node:crypto';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import { refusedBytes } from '../../proto/wire/block.ts';
import { digestBytes } from '../../proto/wire/digest.ts';
import type { FlowKey } from '../../proto/model/flow.ts';

/** SHA-256 over a gateway's flows in the plan's order, as the agent takes it too. */
export class FlowDigest {
  private readonly hash: Hash = createHash('sha256');

  add(key: FlowKey): void {
    this.hash.update(digestBytes(key));
  }

  /** What a block refuses stands behind its flows. */
  refuse(refused: RefusedPackets): void {
    this.hash.update(refusedBytes(refused));
  }

  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.hash.digest());
  }
}

/** SHA-256 in hex over the method with its seconds and each gateway's id and digest, in order of the ids: what an operator confirms. */
export function planDigest(method: string, forSeconds: number | undefined, parts: { gatewayId: string; digest: Uint8Array }[]): string {
  const hash = createHash('sha256').update(forSeconds === undefined ? `${method}\n` : `${method} ${forSeconds}\n`);
  const sorted = parts.toSorted((a, b) => (a.gatewayId < b.gatewayId ? -1 : 1));
  for (const { gatewayId, digest } of sorted) hash.update(`${gatewayId} ${Buffer.from(digest).toString('hex')}\n`);
  return hash.digest('hex');
}
