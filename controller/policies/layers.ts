import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import type { PolicyLayer } from '../../proto/model/policy/effective.ts';
import { reaches, type Place, type TargetColumns } from './targets.ts';

/** A policy with its document, and the name of what it is for. */
export interface AttachedPolicy extends TargetColumns {
  id: string;
  tenantId: string | null;
  of?: string;
  document: PolicyDocument;
}

/** Of a policy that is not saved yet. */
export const UNSAVED = '00000000-0000-0000-0000-000000000000';

/** The policies that reach a gateway. */
export function layersOn(policies: readonly AttachedPolicy[], place: Place): PolicyLayer[] {
  return policies
    .filter((policy) => reaches(policy, place))
    .map(({ id, level, of, document }) => ({
      policyId: id,
      level: level as PolicyLayer['level'],
      ...(of !== undefined && { of }),
      document,
    }));
}

/** SHA-256 over a value's canonical JSON (RFC 8785), in hex. */
export function digestOf(value: unknown): string {
  return createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('hex');
}
