import type { SignedApproval } from '../../proto/gen/ctfleet/v1/operation.ts';
import { challengeOf, partProofs, planDigest, type PlanPart, type PlanWay } from '../../proto/signing/plan-statement.ts';
import { toWireApproval } from '../../proto/wire/approval.ts';
import type { Authenticator, Mischief } from './authenticator.ts';

export interface ToSign {
  planId: string;
  way: PlanWay;
  parts: PlanPart[];
  expiresAtMs: number;
  rpId?: string;
}

/** Has a passkey sign a plan, and returns what an honest controller would send to one of its gateways. */
export function signPlan(
  authenticator: Authenticator,
  { planId, way, parts, expiresAtMs, rpId = 'ctfleet.example.net' }: ToSign,
  mischief: Mischief = {},
): (gatewayId: string) => SignedApproval {
  const challenge = challengeOf({ planId, digest: planDigest(way, parts), expiresAtMs, approverId: 'ben' });
  const { response } = authenticator.use({ challenge: Buffer.from(challenge).toString('base64url'), rpId }, mischief) as {
    response: Record<'authenticatorData' | 'clientDataJSON' | 'signature', string>;
  };
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
  const assertion = {
    authenticatorData: bytes(response.authenticatorData),
    clientDataJson: bytes(response.clientDataJSON),
    signature: bytes(response.signature),
  };
  const proofs = partProofs(parts);
  return (gatewayId) => toWireApproval({ approverId: 'ben', planExpiresAtMs: expiresAtMs, assertion, proof: proofs.get(gatewayId)! });
}
