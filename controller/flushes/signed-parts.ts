import { SignedApproval } from '../../proto/gen/ctfleet/v1/operation.ts';
import { partProofs, type PartProof } from '../../proto/signing/plan-statement.ts';
import { toWireApproval } from '../../proto/wire/approval.ts';
import type { ApprovalSignature } from '../audit/approval-signature.ts';
import type { PlanApproval } from '../generated/prisma/client.ts';
import { partsOf } from '../plans/plan-view.ts';

/** A second person's signature as each gateway of the plan is sent it: with the place of its part. */
export class SignedParts {
  readonly #signature: ApprovalSignature | undefined;
  readonly #approverId: string;
  readonly #proofs: Map<string, PartProof>;

  constructor(approval: PlanApproval | null, digests: ReadonlyMap<string, Uint8Array>) {
    this.#signature = (approval?.signature as ApprovalSignature | null | undefined) ?? undefined;
    this.#approverId = approval?.approvedById ?? '';
    const parts = partsOf([...digests].map(([gatewayId, digest]) => ({ gatewayId, digest })));
    this.#proofs = this.#signature ? partProofs(parts) : new Map();
  }

  /** Encoded; null where nobody signed. */
  of(gatewayId: string): Uint8Array<ArrayBuffer> | null {
    const proof = this.#proofs.get(gatewayId);
    if (!this.#signature || !proof) return null;
    const { authenticatorData, clientDataJSON, signature, expiresAt } = this.#signature;
    const part = {
      approverId: this.#approverId,
      planExpiresAtMs: Date.parse(expiresAt),
      assertion: {
        authenticatorData: Buffer.from(authenticatorData, 'base64url'),
        clientDataJson: Buffer.from(clientDataJSON, 'base64url'),
        signature: Buffer.from(signature, 'base64url'),
      },
      proof,
    };
    return new Uint8Array(SignedApproval.encode(toWireApproval(part)).finish());
  }
}
