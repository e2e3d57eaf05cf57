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

/** Where a remediation stands. Only the approval of a revision is stored; whether one is needed follows from the limits as they are now. */
export function standingOf(row: Decided, verdict: Verdict): Standing {
  const heldBack = row.heldBackAt === null ? undefined : { at: row.heldBackAt.toISOString(), why: row.heldBackWhy ?? '' };
  return { approval: approvalOf(row, verdict), heldBack };
}

function approvalOf(row: Decided, verdict: Verdict): Standing['approval'] {
  if (isApproved(row)) return { state: 'given', byName: row.approvedByName ?? undefined, at: row.approvedAt?.toISOString() };
  return isSetToAct(row) && verdict.kind === 'second-person' ? { state: 'needed', why: verdict.why } : { state: 'not-needed' };
}

/** The mode in which it acts now: what waits for a second person, or was held back, only suggests. */
export function effectiveMode({ mode }: RemediationDocument, { approval, heldBack }: Standing): RemediationDocument['mode'] {
  return mode === 'auto' && (approval.state === 'needed' || heldBack !== undefined) ? 'suggest' : mode;
}

/** True if somebody agreed to the revision that is stored. */
export function isApproved({ revision, approvedRevision }: Pick<Decided, 'revision' | 'approvedRevision'>): boolean {
  return approvedRevision === revision;
}

/** True if all that `after` can end, `before` could: the same but for words and the mode, and no limit is higher. */
export function isWithin(after: RemediationDocument, before: RemediationDocument): boolean {
  return (
    isDeepStrictEqual(essence(after), essence(before)) &&
    after.limits.maxFlows <= before.limits.maxFlows &&
    after.limits.maxPercentOfTable <= before.limits.maxPercentOfTable &&
    after.limits.maxRunsAnHour <= before.limits.maxRunsAnHour &&
    after.limits.coolDownSeconds >= before.limits.coolDownSeconds
  );
}

/** What decides which flows are ended, and when. Stored documents may lack what newer ones have, so absent and undefined are one. */
function essence({ name: _name, description: _description, mode: _mode, limits: _limits, ...rest }: RemediationDocument): unknown {
  return JSON.parse(JSON.stringify(rest));
}

/** How a change bears on who has decided what the remediation does. */
export interface Change {
  /** It ends more by itself than it did: a decision of its own, which takes any approval away. */
  isWidened: boolean;
  /** What may be ended has another author now. */
  isRewritten: boolean;
}

type Before = Pick<RemediationRow, 'document' | 'isEnabled' | 'heldBackAt' | 'isByToken' | 'revision' | 'approvedRevision'>;

/**
 * Anything but words, a lower limit, a milder mode or switching off widens one that acts; so does to let it act again, and to take over
 * what a token
 * decided.
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
