import { SEVERITIES, type Severity } from '../../proto/model/alerts/kinds.ts';
import type { FoundAlert, OpenAlert } from './judging/found-alert.ts';

/** What a failed WAN, and a table that fills, bring about: one event, and not one message for each. */
const OF_LOAD = ['usage', 'time-to-full', 'losses'];
/** What a failover causes may show a little before the failover is told. */
const BEFORE_MS = 60_000;

type Placed = Pick<FoundAlert, 'id' | 'gatewayId' | 'kind' | 'severity' | 'pendingSince'>;

/** The open alert of the same gateway of which this one is a part: its WAN event, or one about its load that is as severe. */
export function parentOf(found: Placed, open: readonly OpenAlert[]): string | undefined {
  if (!OF_LOAD.includes(found.kind)) return undefined;
  const tops = topsBeside(found, open);
  const event = tops.find(({ kind }) => kind === 'wan-event');
  return (event ?? tops.find(({ kind, severity }) => OF_LOAD.includes(kind) && rank(severity) >= rank(found.severity)))?.id;
}

/** The open alerts that are part of this one from now on. */
export function childrenOf(found: Placed, open: readonly OpenAlert[]): string[] {
  const tops = topsBeside(found, open).filter(({ kind }) => OF_LOAD.includes(kind));
  if (found.kind === 'wan-event')
    return tops.filter(({ pendingSince }) => pendingSince.getTime() >= found.pendingSince.getTime() - BEFORE_MS).map(({ id }) => id);
  if (!OF_LOAD.includes(found.kind)) return [];
  return tops.filter(({ severity }) => rank(severity) < rank(found.severity)).map(({ id }) => id);
}

function topsBeside(found: Placed, open: readonly OpenAlert[]): OpenAlert[] {
  return open.filter(
    ({ id, gatewayId, parentId, isPending }) => id !== found.id && gatewayId === found.gatewayId && parentId === null && !isPending,
  );
}

function rank(severity: string): number {
  return SEVERITIES.indexOf(severity as Severity);
}
