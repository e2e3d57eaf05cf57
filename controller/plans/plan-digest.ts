import { createHash, type Hash } from 'node:crypto';
import type { FlowKey as WireFlowKey } from '../../proto/gen/ctfleet/v1/flow.ts';
import type { RefusedPackets } from '../../proto/model/block/packets.ts';
import { refusedBytes } from '../../proto/wire/block.ts';
import { wireDigestBytes } from '../../proto/wire/digest.ts';

/** SHA-256 over a gateway's flows in the plan's order, as the agent takes it too. */
export class FlowDigest {
  private readonly hash: Hash = createHash('sha256');

  add(key: WireFlowKey): void {
    this.hash.update(wireDigestBytes(key));
  }

  /** What a block refuses stands behind its flows. */
  refuse(refused: RefusedPackets): void {
    this.hash.update(refusedBytes(refused));
  }

  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.hash.digest());
  }
}
