import type { SignedApproval } from '../gen/ctfleet/v1/operation.ts';
import type { Assertion } from '../signing/assertion.ts';
import type { PartProof } from '../signing/plan-statement.ts';

/** A second person's signature of a plan, as one gateway gets it. */
export interface SignedPart {
  approverId: string;
  planExpiresAtMs: number;
  assertion: Assertion;
  proof: PartProof;
}

export function toWireApproval({ approverId, planExpiresAtMs, assertion, proof }: SignedPart): SignedApproval {
  return {
    approverId,
    planExpiresAtMs: BigInt(planExpiresAtMs),
    authenticatorData: Buffer.from(assertion.authenticatorData),
    clientDataJson: Buffer.from(assertion.clientDataJson),
    signature: Buffer.from(assertion.signature),
    index: proof.index,
    parts: proof.count,
    path: proof.path.map((hash) => Buffer.from(hash)),
  };
}

/** Whatever came; it is bounded where it is verified. */
export function fromWireApproval(wire: SignedApproval): SignedPart {
  const { approverId, planExpiresAtMs, authenticatorData, clientDataJson, signature, index, parts, path } = wire;
  return {
    approverId,
    planExpiresAtMs: Number(planExpiresAtMs),
    assertion: { authenticatorData, clientDataJson, signature },
    proof: { index, count: parts, path },
  };
}
