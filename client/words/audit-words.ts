import type { AuditEntry } from '../../proto/http/audit.ts';
import type { StateKind } from './state-kind.ts';

/** What an outcome looks like; partial is never green. */
export const OUTCOMES: Record<AuditEntry['outcome'], StateKind> = { ok: 'ok', refused: 'warn', failed: 'failed', partial: 'partial' };

/** Facts of an entry in reading order, as name and text; nested ones become JSON. */
export function detailLines(detail: Record<string, unknown>): [string, string][] {
  return Object.entries(detail).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
}
