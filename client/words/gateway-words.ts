import type { Gateway } from '../../proto/http/fleet.ts';
import { count } from './format.ts';
import type { StateKind } from './state-kind.ts';

/** How its link stands. */
export const GATEWAY_STATES: Record<Gateway['state'], { kind: StateKind; word: string }> = {
  online: { kind: 'ok', word: 'up' },
  reconnecting: { kind: 'waiting', word: 'reconnecting' },
  offline: { kind: 'offline', word: 'offline' },
  'never-connected': { kind: 'never', word: 'never connected' },
  revoked: { kind: 'failed', word: 'revoked' },
  'set-aside': { kind: 'failed', word: 'set aside' },
};

/**
 * What the gateway's owner allows, line by line; the reason comes first why nothing may be ended. `guard` is as the agent said it when it
 * connected.
 */
export function guardLines(guard: NonNullable<Gateway['guard']>): { kind: StateKind; word: string; text: string }[] {
  const { isReadOnly, methods, mostDeletesAMinute, mostPercentOfTable, isBuiltIn, error } = guard;
  const lines: { kind: StateKind; word: string; text: string }[] = [];
  if (error !== undefined) lines.push({ kind: 'failed', word: 'ends nothing', text: error });
  else if (isReadOnly) lines.push({ kind: 'protected', word: 'read only', text: 'its owner lets nothing be ended here' });
  if (mostPercentOfTable !== undefined) {
    const whose = isBuiltIn === true ? 'built in; stale flows, and up to 1,000, do not count' : 'by its guard file';
    lines.push({ kind: 'protected', word: `${mostPercentOfTable} % a minute`, text: `of its table at most, ${whose}` });
  }
  if (mostDeletesAMinute !== undefined)
    lines.push({ kind: 'protected', word: `${count(mostDeletesAMinute)} a minute`, text: 'deletes at most, by its guard file' });
  if (methods.length > 0) lines.push({ kind: 'protected', word: 'methods', text: `only ${methods.join(', ')}` });
  if (guard.signedFor?.length)
    lines.push({ kind: 'protected', word: 'signed', text: `${guard.signedFor.join(', ')}: only with a second person’s passkey` });
  for (const filter of guard.protected) lines.push({ kind: 'protected', word: 'protected', text: filter });
  return lines;
}

/**
 * What works on a gateway, for people. Which words of a filter its agent knows is for the controller, which says so where one is missing.
 */
export function worksWords(can: readonly string[]): string {
  return can.filter((name) => !name.startsWith('filter:')).join(', ') || 'nothing';
}
