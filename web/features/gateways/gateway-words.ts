import type { Gateway } from '../../../proto/http/fleet.ts';
import { count, lasting, percent, short } from '../../ui/format.ts';
import type { StateKind } from '../../ui/state.tsx';
import { isFilling } from './need.ts';

export const GATEWAY_STATES: Record<Gateway['state'], { kind: StateKind; word: string }> = {
  online: { kind: 'ok', word: 'up' }, offline: { kind: 'offline', word: 'offline' }, 'never-connected': { kind: 'never', word: 'never connected' }, revoked: { kind: 'failed', word: 'revoked' }, 'set-aside': { kind: 'failed', word: 'set aside' },
};

/** How its link stands; one that is up and cannot see its table is not simply up. */
export function stateOf({ state, tableError }: Gateway): { kind: StateKind; word: string } {
  return state === 'online' && tableError !== undefined ? { kind: 'failed', word: 'no table' } : GATEWAY_STATES[state];
}

/** Is it healthy, and if not, why? The first sentence is the verdict, the second its cause. Times of day are left to the caller (`fullAtMs`). */
export function verdict(gateway: Gateway, nowMs: number): { head: string; cause: string; fullAtMs?: number } {
  const { usage, state, since } = gateway;
  if (state === 'never-connected') return { head: 'Not connected yet.', cause: 'It joins when its enrolment command has run on the gateway.' };
  if (state === 'revoked') return { head: 'Its identity was taken away.', cause: 'It can connect again only by a new enrolment.' };
  if (state === 'set-aside') return { head: 'Set aside: two agents hold its identity.', cause: 'One of them may be a clone. Nothing is taken from either.' };
  const fill = usage?.max ? `${percent(usage.count, usage.max)} full` : usage ? `${count(usage.count)} entries, limit not known` : undefined;
  if (state === 'offline') return { head: `Silent for ${lasting((nowMs - Date.parse(since)) / 1000)}.`, cause: fill && usage ? `The last sample, ${lasting((nowMs - Date.parse(usage.at)) / 1000)} old, says ${fill}. Nothing newer is known.` : 'It never sent a sample.' };
  if (gateway.tableError !== undefined) return { head: 'Connected, but it cannot see its table.', cause: `${gateway.tableError.replace(/\.$/, '')}. The agent looks again by itself.` };
  if (!usage) return { head: 'Connected; no samples yet.', cause: 'The first comes within 10 s.' };
  const cause = share(gateway);
  if (isFilling(usage)) return { head: `${fill} and filling by ${short(usage.perMinute ?? 0)} a minute: full in about ${lasting(usage.minutesToFull! * 60)}`, cause, fullAtMs: Date.parse(usage.at) + usage.minutesToFull! * 60_000 };
  const down = gateway.wans.filter(({ isUp }) => isUp === false).map(({ name }) => name);
  if (down.length > 0) return { head: `${fill}; ${down.join(' and ')} ${down.length === 1 ? 'is' : 'are'} down.`, cause };
  const lost = (usage.drops ?? 0) + (usage.insertFailed ?? 0);
  if (lost > 0) return { head: `${fill}; ${count(lost)} packets were dropped in the last ten minutes.`, cause };
  return { head: `Healthy: ${fill}, ${trend(usage.perMinute)}.`, cause };
}

/** Largest state and who it comes from, each as far as known. */
function share({ usage }: Gateway): string {
  const [state, flows] = Object.entries(usage?.byState ?? {}).toSorted(([, a], [, b]) => b - a)[0] ?? [];
  const top = usage?.topSources?.[0];
  const parts = [state !== undefined && flows !== undefined && `${percent(flows, usage!.count)} of the table is ${state}`, top && `${percent(top.flows, usage!.count)} comes from ${top.address}`].filter(Boolean);
  return parts.length > 0 ? `${parts.join('; ')}.` : '';
}

function trend(perMinute: number | undefined): string {
  if (perMinute === undefined) return 'trend not known yet';
  return Math.abs(perMinute) < 1 ? 'steady' : `${perMinute > 0 ? 'rising' : 'falling'} by ${short(Math.abs(perMinute))} a minute`;
}

/** What the gateway's owner allows, line by line; the reason comes first why nothing may be ended. `guard` is as the agent said it when it connected. */
export function guardLines(guard: NonNullable<Gateway['guard']>): { kind: StateKind; word: string; text: string }[] {
  const { isReadOnly, methods, mostDeletesAMinute, mostPercentOfTable, isBuiltIn, error } = guard;
  const lines: { kind: StateKind; word: string; text: string }[] = [];
  if (error !== undefined) lines.push({ kind: 'failed', word: 'ends nothing', text: error });
  else if (isReadOnly) lines.push({ kind: 'protected', word: 'read only', text: 'its owner lets nothing be ended here' });
  if (mostPercentOfTable !== undefined) {
    const whose = isBuiltIn === true ? 'built in; stale flows, and up to 1,000, do not count' : 'by its guard file';
    lines.push({ kind: 'protected', word: `${mostPercentOfTable} % a minute`, text: `of its table at most, ${whose}` });
  }
  if (mostDeletesAMinute !== undefined) lines.push({ kind: 'protected', word: `${count(mostDeletesAMinute)} a minute`, text: 'deletes at most, by its guard file' });
  if (methods.length > 0) lines.push({ kind: 'protected', word: 'methods', text: `only ${methods.join(', ')}` });
  for (const filter of guard.protected) lines.push({ kind: 'protected', word: 'protected', text: filter });
  return lines;
}
