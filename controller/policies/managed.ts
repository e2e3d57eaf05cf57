import type { ManagedBy } from '../../proto/http/saved-policies.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import type { PolicyRow } from './rows.ts';

type Managed = Pick<PolicyRow, 'managedBy' | 'managedRevision'>;

/**
 * Who changes a policy that a pipeline applies from a file:
 *
 *   nobody’s ── a program names itself ──▶ managed ── the same program ──▶ managed, at the file’s next revision
 *       ▲                                     │
 *       └── taken over: `managedBy: null` ────┘       anybody else is refused
 *
 * `asked` is what a request says about it: undefined says nothing. Returns why it is refused.
 */
export function whyManaged(
  row: Managed | undefined,
  caller: Pick<Caller, 'kind'>,
  asked: ManagedBy | null | undefined,
): FleetError | undefined {
  if (asked && caller.kind === 'user')
    return new FleetError('FORBIDDEN', 'Only a pipeline names itself in managedBy. Use a service account or an API token for it.');
  if (!row || row.managedBy === null || asked === null || asked?.name === row.managedBy) return undefined;
  return new FleetError(
    'POLICY_MANAGED',
    `The pipeline ${row.managedBy} applies this policy from a file, now at its revision ${row.managedRevision}. Change that file, or ` +
      'take the policy over from the pipeline first.',
  );
}

/** The columns of what a request says; empty if it says nothing. */
export function managedColumns(asked: ManagedBy | null | undefined): Partial<Managed> {
  return asked === undefined ? {} : { managedBy: asked?.name ?? null, managedRevision: asked?.revision ?? null };
}

/** As the API shows it. */
export function toManagedBy({ managedBy, managedRevision }: Managed): ManagedBy | undefined {
  return managedBy !== null && managedRevision !== null ? { name: managedBy, revision: managedRevision } : undefined;
}
