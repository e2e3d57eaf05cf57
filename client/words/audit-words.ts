import type { AuditEntry } from '../../proto/http/audit.ts';
import type { StateKind } from './state-kind.ts';

/** What an outcome looks like; partial is never green. */
export const OUTCOMES: Record<AuditEntry['outcome'], StateKind> = { ok: 'ok', refused: 'warn', failed: 'failed', partial: 'partial' };

/**
 * Facts of an entry in reading order, as name and text; nested ones become JSON, and of a signature only what it was made with is named.
 */
export function detailLines({ signature, ...detail }: Record<string, unknown>): [string, string][] {
  const lines = Object.entries(detail).map(([name, value]): [string, string] => [name, textOf(value)]);
  return signature === undefined ? lines : [...lines, ['signature', signatureWords(signature)]];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function signatureWords(signature: unknown): string {
  const { passkey } = (signature ?? {}) as { passkey?: unknown };
  return typeof passkey === 'string' ? `with passkey ${passkey}; the NDJSON export has it in full, for verify-trail` : textOf(signature);
}
