import { createHash } from 'node:crypto';
import { formatFingerprint } from '../../proto/model/key-fingerprint.ts';
import { approvalSignature, whyNotGenuine } from './approval-signature.ts';
import type { ChainedEntry } from './chain.ts';

/** The part of an entry that tells of an approval. */
type Entry = Pick<ChainedEntry, 'action' | 'planId' | 'actor' | 'detail'>;

/** A passkey by which plans were approved. `fingerprint`: of its public key, as people compare it. */
export interface SigningKey {
  person: string;
  passkey: string;
  fingerprint: string;
  /** In base64, as a gateway's guard file takes it. */
  publicKey: string;
  approvals: number;
}

/**
 * The approvals of plans in a trail, each verified from its entry alone. A plan of several tenants has an entry in each chain and counts
 * once. One credential has one key and one person throughout: whoever changed an old entry would have had to change them all.
 */
export class ApprovalsCheck {
  readonly #keys = new Map<string, { personId: string; key: SigningKey }>();
  readonly #signed = new Set<string>();
  readonly #unsigned = new Set<string>();

  /** Why the entry's signature is not genuine; undefined if it is, has none, or is about something else. */
  add({ action, planId = '', actor, detail }: Entry): string | undefined {
    if (action !== 'plan.approved') return undefined;
    if (detail.signature === undefined) {
      this.#unsigned.add(planId);
      return undefined;
    }
    const read = approvalSignature.safeParse(detail.signature);
    if (!read.success) return 'the signature of its approval cannot be read';
    const signature = read.data;
    const why = whyNotGenuine(signature, { planId, digest: String(detail.digest), approverId: actor.id });
    if (why !== undefined) return `the signature of its approval is not genuine: ${why}`;
    const bytes = Buffer.from(signature.publicKey, 'base64url');
    const publicKey = bytes.toString('base64');
    const known = this.#keys.get(signature.credentialId);
    if (known && (known.key.publicKey !== publicKey || known.personId !== actor.id))
      return `the passkey of its approval is another one than in earlier entries of ${known.key.person}`;
    const isRepeated = this.#signed.has(planId);
    this.#signed.add(planId);
    const key = {
      person: actor.name,
      passkey: signature.passkey,
      fingerprint: formatFingerprint(createHash('sha256').update(bytes).digest()),
      publicKey,
      approvals: (known?.key.approvals ?? 0) + (isRepeated ? 0 : 1),
    };
    this.#keys.set(signature.credentialId, { personId: actor.id, key });
    return undefined;
  }

  get result(): { signed: number; unsigned: number; keys: SigningKey[] } {
    const keys = [...this.#keys.values()].map(({ key }) => key);
    return { signed: this.#signed.size, unsigned: this.#unsigned.size, keys };
  }
}
