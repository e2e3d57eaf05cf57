import type { Gateway } from '../../../proto/http/fleet.ts';
import { count, lasting, percent, short } from '../../ui/format.ts';
import type { StateKind } from '../../ui/state.tsx';
import { isFilling } from './need.ts';

export const GATEWAY_STATES: Record<Gateway['state'], { kind: StateKind; word: string }> = {
  online: { kind: 'ok', word: 'up' }, offline: { kind: 'offline', word: 'offline' }, 'never-connected': { kind: 'never', word: 'never connected' }, revoked: { kind: 'failed', word: 'revoked' }, 'set-aside': { kind: 'failed', word: 'set aside' },
};

/** How its link stands; one that is up and cannot see its table is not simply up. */
export function stateOf({ state, tableError }: Gateway): { kind: StateKind; word: string } {
  return tableError === undefined ? GATEWAY_STATES[state] : { kind: 'failed', word: 'no table' };
}

/** Is it healthy, and if not, why? The first sentence is the verdict, the second its cause. Times of day are left to the caller (`fullAtMs`). */
export function verdict(gateway: Gateway, nowMs: number): { head: string; cause: string; fullAtMs?: number } {
  const { usage, state, since } = gateway;
  if (state === 'never-connected') return { head: 'Not connected yet.', cause: 'It joins when its enrolment command has run on the gateway.' };
  if (state === 'revoked') return { head: 'Its identity was taken away.', cause: 'It can connect again only by a new enrolment.' };
  if (state === 'set-aside') return { head: 'Set aside: two agents hold its identity.', cause: 'Nothing is sent to it and nothing is taken from it. Stop the clone and reinstate the gateway, or revoke it and enrol it again.' };
  const fill = usage?.max ? `${percent(usage.count, usage.max)} full` : usage ? `${count(usage.count)} entries, limit not known` : undefined;
  if (state === 'offline') return { head: `Silent for ${lasting((nowMs - Date.parse(since)) / 1000)}.`, cause: fill && usage ? `The last sample, ${lasting((nowMs - Date.parse(usage.at)) / 1000)} old, says ${fill}. Nothing newer is known.` : 'It never sent a sample.' };
  if (gateway.tableError !== undefined) return { head: 'Connected, but it cannot see its table.', cause: `${gateway.tableError} The agent looks again by itself.` };
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
