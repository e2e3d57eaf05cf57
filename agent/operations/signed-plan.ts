import type { KeyObject } from 'node:crypto';
import type { RunPlan } from '../../proto/gen/ctfleet/v1/operation.ts';
import { NOT_OF_KEY, OTHER_CHALLENGE, whyNotSigned, type Assertion, type Site } from '../../proto/signing/assertion.ts';
import { challengeOf, planDigestFrom } from '../../proto/signing/plan-statement.ts';
import { fromWireApproval } from '../../proto/wire/approval.ts';
import { fromWireMethod } from '../../proto/wire/method.ts';

/** The key of somebody who may approve, from the guard file. `name` is for people. */
export interface ApprovalKey {
  name: string;
  key: KeyObject;
}

/** A signature that came with a command, over what this gateway itself is about to do. */
export interface SignedPlan {
  planId: string;
  /** When the plan expires, as it was signed; by the controller's clock. */
  expiresAtMs: number;
  challenge: Uint8Array;
  assertion: Assertion;
}

/**
 * The signature of a command, if it has one that could be about this plan: the digest of the whole plan is computed from the digest of
 * what was frozen here, the gateway's own id, and the method and times of the command. Undefined without a signature, and for a path that
 * fits no plan. Whether it is genuine, `whyNotBy` says.
 */
export function signedPlanOf(run: RunPlan, gatewayId: string, frozen: Uint8Array): SignedPlan | undefined {
  const method = fromWireMethod(run.method);
  if (!run.approval || method === undefined) return undefined;
  const { approverId, planExpiresAtMs: expiresAtMs, assertion, proof } = fromWireApproval(run.approval);
  const way = { method, forSeconds: run.forSeconds, maxDrift: run.maxDrift };
  const digest = planDigestFrom(way, { gatewayId, digest: frozen }, proof);
  if (digest === undefined) return undefined;
  const { planId } = run;
  return { planId, expiresAtMs, challenge: challengeOf({ planId, digest, expiresAtMs, approverId }), assertion };
}

/** Why none of the keys signed it; undefined if one did. Of several reasons the one that got furthest. */
export function whyNotBy(keys: readonly ApprovalKey[], site: Site, { assertion, challenge }: SignedPlan): string | undefined {
  let why = 'there is no key in the guard file';
  for (const { key } of keys) {
    const found = whyNotSigned(assertion, challenge, key, site);
    if (found === undefined) return undefined;
    why = found;
  }
  if (why === NOT_OF_KEY) return 'it is by none of the keys in the guard file';
  return why === OTHER_CHALLENGE ? 'it is of another plan, or of more or less than this one' : why;
}
