import { isDeepStrictEqual } from 'node:util';
import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import type { Remediation as RemediationView } from '../../proto/http/remediations.ts';
import type { Verdict } from '../plans/may-end.ts';
import type { RemediationRow } from './rows.ts';

/** What a stored remediation may do now. */
export interface Standing {
  approval: NonNullable<RemediationView['approval']>;
  heldBack?: RemediationView['heldBack'];
}

type Stored = 'document' | 'isEnabled' | 'revision' | 'approvedRevision' | 'approvedByName' | 'approvedAt' | 'heldBackAt' | 'heldBackWhy';
type Decided = Pick<RemediationRow, Stored>;

/** The standing of a remediation. Only the approval of a revision is stored; whether one is needed follows from the current limits. */
export function standingOf(row: Decided, verdict: Verdict): Standing {
  const heldBack = row.heldBackAt === null ? undefined : { at: row.heldBackAt.toISOString(), why: row.heldBackWhy ?? '' };
  return { approval: approvalOf(row, verdict), heldBack };
}

function approvalOf(row: Decided, verdict: Verdict): Standing['approval'] {
  if (isApproved(row)) return { state: 'given', byName: row.approvedByName ?? undefined, at: row.approvedAt?.toISOString() };
  return isSetToAct(row) && verdict.kind === 'second-person' ? { state: 'needed', why: verdict.why } : { state: 'not-needed' };
}

/** The mode in which it acts now: while it waits for a second person, or is held back, it only suggests. */
export function effectiveMode({ mode }: RemediationDocument, { approval, heldBack }: Standing): RemediationDocument['mode'] {
  return mode === 'auto' && (approval.state === 'needed' || heldBack !== undefined) ? 'suggest' : mode;
}

/** True if somebody approved the stored revision. */
export function isApproved({ revision, approvedRevision }: Pick<Decided, 'revision' | 'approvedRevision'>): boolean {
  return approvedRevision === revision;
}

/** True if `before` could end everything that `after` can: the same except for wording and mode, and no limit is higher. */
export function isWithin(after: RemediationDocument, before: RemediationDocument): boolean {
  return (
    isDeepStrictEqual(essence(after), essence(before)) &&
    after.limits.maxFlows <= before.limits.maxFlows &&
    after.limits.maxPercentOfTable <= before.limits.maxPercentOfTable &&
    after.limits.maxRunsAnHour <= before.limits.maxRunsAnHour &&
    after.limits.coolDownSeconds >= before.limits.coolDownSeconds
  );
}

/** What decides which flows are ended, and when. Stored documents may lack newer fields, so absent and undefined are equal. */
function essence({ name: _name, description: _description, mode: _mode, limits: _limits, ...rest }: RemediationDocument): unknown {
  return JSON.parse(JSON.stringify(rest));
}

/** What a change means for who decided what the remediation does. */
export interface Change {
  /** It ends more on its own than before: a decision of its own, which revokes any approval. */
  isWidened: boolean;
  /** What may be ended has another author now. */
  isRewritten: boolean;
}

type Before = Pick<RemediationRow, 'document' | 'isEnabled' | 'heldBackAt' | 'isByToken' | 'revision' | 'approvedRevision'>;

/**
 * Everything except wording, a lower limit, a milder mode or switching off widens a remediation that acts; so does lifting a hold-back, and
 * taking over what a token decided.
 */
export function changeOf(before: Before, after: { document: RemediationDocument; isEnabled: boolean; isLifted: boolean }): Change {
  const isStillWithin = isWithin(after.document, before.document);
  const didAct = isSetToAct(before) && before.heldBackAt === null && (!before.isByToken || isApproved(before));
  const begins = !didAct && (before.heldBackAt === null || after.isLifted);
  const isWidened = isSetToAct(after) && (begins || !isStillWithin);
  return { isWidened, isRewritten: isWidened || !isStillWithin };
}

function isSetToAct({ document, isEnabled }: { document: RemediationDocument; isEnabled: boolean }): boolean {
  return isEnabled && document.mode === 'auto';
}
