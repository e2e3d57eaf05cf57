import type { PolicyDrift, PolicyState } from '../../proto/gen/ctfleet/v1/policy.ts';
import { id as idSchema } from '../../proto/http/common.ts';
import { toPrintable } from '../../proto/model/text.ts';
import type { PolicyState as StateRow } from '../generated/prisma/client.ts';
import { int32From, textFrom, timeFrom } from '../platform/untrusted.ts';

/** An agent keeps 200 that are open and 100 that are over. */
const MAX_DRIFT = 300;
const MAX_TEXT = 1000;
const MAX_NAME = 200;
const DIGEST = /^[0-9a-f]{64}$/;

export type DriftState = 'open' | 'ignored' | 'over';

/** One value as a gateway told it; null is what is not there. */
export interface ReportedDrift {
  path: string;
  wanted: string | null;
  actual: string | null;
  since: Date;
  process: string | null;
  state: DriftState;
}

export interface Reported {
  state: Omit<StateRow, 'gatewayId' | 'tenantId' | 'reportedAt'>;
  drift: ReportedDrift[];
  /** False where what is not in it may differ all the same. */
  isWhole: boolean;
}

/** What an agent told, made safe to keep and to show. What has no name or no possible time is left out. */
export function reportedFrom({ inForce, pending, drift, driftLeft, unknown }: PolicyState, nowMs: number): Reported {
  const [since, until] = [timeFrom(inForce?.sinceMs, nowMs), timeFrom(pending?.untilMs, nowMs)];
  const isInForce = inForce !== undefined && since !== undefined && inForce.changeId !== '';
  const isPending = pending !== undefined && until !== undefined;
  return {
    state: {
      changeId: isInForce ? line(inForce.changeId, MAX_NAME) : null,
      policy: isInForce ? line(inForce.policy, MAX_NAME) : null,
      digest: isInForce && DIGEST.test(inForce.documentSha256) ? inForce.documentSha256 : null,
      commandId: isInForce ? idFrom(inForce.commandId) : null,
      since: isInForce ? since : null,
      pendingPolicy: isPending ? line(pending.policy, MAX_NAME) : null,
      pendingCommandId: isPending ? idFrom(pending.commandId) : null,
      pendingUntil: isPending ? until : null,
      driftLeft: int32From(driftLeft) + Math.max(0, drift.length - MAX_DRIFT),
      unknown: unknown === '' ? null : line(unknown, MAX_TEXT),
    },
    drift: isInForce ? onceEach(drift.slice(0, MAX_DRIFT).flatMap((one) => driftFrom(one, nowMs))) : [],
    isWhole: unknown === '' && driftLeft === 0 && drift.length <= MAX_DRIFT,
  };
}

function driftFrom({ path, wanted, actual, sinceMs, process, isSetAgain, isIgnored }: PolicyDrift, nowMs: number): ReportedDrift[] {
  const since = timeFrom(sinceMs, nowMs);
  if (path === '' || !since) return [];
  const state = isSetAgain ? 'over' : isIgnored ? 'ignored' : 'open';
  return [
    {
      path: line(path, MAX_NAME),
      wanted: orNull(wanted),
      actual: orNull(actual),
      since: new Date(Math.min(since.getTime(), nowMs)),
      process: process === '' ? null : line(process, MAX_NAME),
      state,
    },
  ];
}

/** Of each value, one that is now and one that is over. */
function onceEach(drift: readonly ReportedDrift[]): ReportedDrift[] {
  return [...new Map(drift.map((one) => [`${one.state === 'over'} ${one.path}`, one])).values()];
}

function orNull(text: string): string | null {
  return text === '' ? null : line(text, MAX_TEXT);
}

/** Without characters that control whatever displays it. */
function line(text: string, max: number): string {
  return textFrom(toPrintable(textFrom(text, max)), max);
}

function idFrom(text: string): string | null {
  return idSchema.safeParse(text).success ? text : null;
}
