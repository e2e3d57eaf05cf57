import { createHash } from 'node:crypto';
import { leafOf, rootFrom, treeOf, type TreePath } from './merkle.ts';

/** How a plan's flows are ended. */
export interface PlanWay {
  /** A word of proto/model/method.ts. */
  method: string;
  forSeconds?: number;
  maxDrift?: number;
}

/** What one gateway froze: its id, and the SHA-256 over its flows in the plan's order. */
export interface PlanPart {
  gatewayId: string;
  digest: Uint8Array;
}

/** Which part of a plan a gateway's is; enough to compute the digest of the whole without the other parts. */
export type PartProof = TreePath;

/** What a second person signs. */
export interface PlanStatement {
  planId: string;
  /** `planDigest` of the plan. */
  digest: string;
  /** When the plan expires; milliseconds since 1970. */
  expiresAtMs: number;
  /** The id of the person, as audit entries name the actor. */
  approverId: string;
}

/**
 * What an operator confirms and a second person signs: SHA-256 in hex over this JSON array, without spaces, null for what is absent:
 *
 *     ["ctfleet plan 1",method,forSeconds,maxDrift,count,root]
 *
 * `root` is, in hex, the root of a Merkle tree (merkle.ts) over the parts in order of the gateways' ids, each leaf
 * `<gateway id> <digest in hex>`. A gateway can compute it from its own part and a path of at most 32 hashes.
 */
export function planDigest(way: PlanWay, parts: readonly PlanPart[]): string {
  return digestOf(way, parts.length, treeOf(sorted(parts).map(leafOfPart)).root);
}

/** The place of each part, by the gateway's id. */
export function partProofs(parts: readonly PlanPart[]): Map<string, PartProof> {
  const inOrder = sorted(parts);
  const { paths } = treeOf(inOrder.map(leafOfPart));
  return new Map(inOrder.map(({ gatewayId }, index) => [gatewayId, paths[index]!]));
}

/** The digest of the plan of which this is a part by that proof; undefined for a proof that fits no plan. */
export function planDigestFrom(way: PlanWay, part: PlanPart, proof: PartProof): string | undefined {
  const root = rootFrom(leafOfPart(part), proof);
  return root && digestOf(way, proof.count, root);
}

/**
 * The challenge that the approver's passkey answers: SHA-256 over this JSON array, without spaces, as UTF-8:
 *
 *     ["ctfleet approval 1","approve",planId,digest,expiresAtMs,approverId]
 */
export function challengeOf({ planId, digest, expiresAtMs, approverId }: PlanStatement): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sha256(JSON.stringify(['ctfleet approval 1', 'approve', planId, digest, expiresAtMs, approverId])));
}

function digestOf({ method, forSeconds, maxDrift }: PlanWay, count: number, root: Uint8Array): string {
  const said = ['ctfleet plan 1', method, forSeconds ?? null, maxDrift ?? null, count, Buffer.from(root).toString('hex')];
  return sha256(JSON.stringify(said)).toString('hex');
}

function leafOfPart({ gatewayId, digest }: PlanPart): Uint8Array {
  return leafOf(`${gatewayId} ${Buffer.from(digest).toString('hex')}`);
}

function sorted(parts: readonly PlanPart[]): PlanPart[] {
  return parts.toSorted((a, b) => (a.gatewayId < b.gatewayId ? -1 : 1));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
