import { z } from 'zod';
import { readPublicKey, whyNotSigned } from '../../proto/signing/assertion.ts';
import { challengeOf } from '../../proto/signing/plan-statement.ts';

const bytes = z
  .string()
  .max(1500)
  .regex(/^[\w-]+$/);

/**
 * The signature of a second person, as the entry of the approval (`plan.approved`, in `detail.signature`) has it: enough to verify it from
 * the entry alone. Bytes are base64url; `publicKey` is SPKI in DER.
 */
export const approvalSignature = z.object({
  passkey: z.string(),
  credentialId: bytes,
  publicKey: bytes,
  rpId: z.string(),
  origin: z.string(),
  /** When the plan expires, which is signed too. */
  expiresAt: z.iso.datetime(),
  authenticatorData: bytes,
  clientDataJSON: bytes,
  signature: bytes,
});
export type ApprovalSignature = z.output<typeof approvalSignature>;

/** What somebody approved: the plan, its digest, and the person. */
export interface Approved {
  planId: string;
  digest: string;
  approverId: string;
}

/** Why this is not the person's signature of this plan with the key that is named; undefined if it is. Never throws. */
export function whyNotGenuine(signature: ApprovalSignature, { planId, digest, approverId }: Approved): string | undefined {
  const { authenticatorData, clientDataJSON, rpId, origin, expiresAt } = signature;
  const challenge = challengeOf({ planId, digest, expiresAtMs: Date.parse(expiresAt), approverId });
  let key;
  try {
    key = readPublicKey(toBytes(signature.publicKey));
  } catch (error) {
    return `its public key cannot be used: ${(error as Error).message}`;
  }
  const assertion = {
    authenticatorData: toBytes(authenticatorData),
    clientDataJson: toBytes(clientDataJSON),
    signature: toBytes(signature.signature),
  };
  return whyNotSigned(assertion, challenge, key, { rpId, origins: [origin] });
}

function toBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}
