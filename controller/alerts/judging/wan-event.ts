import type { WanEvent } from '../../../proto/http/wan-events.ts';
import { wanValue } from '../../../proto/model/filter/template.ts';
import { isOpenEvent, sumOfKinds, wanEventSentence } from '../../../proto/model/wan-event.ts';
import { fingerprintOf, type Findings, type FoundAlert } from './found-alert.ts';
import type { Rules } from './conditions.ts';

/** What one WAN event means. */
export type WanVerdict = 'failed' | 'flapping' | 'over' | 'nothing';

/**
 * A failed WAN matters while live flows still use it: how many is looked at within seconds, and nobody is woken before. Once raised, the
 * alert stays until the event is healed or closed.
 */
export function judgeWanEvent({ state, using }: Pick<WanEvent, 'state' | 'using'>, raise: number): WanVerdict {
  if (state === 'flapping') return 'flapping';
  if (!isOpenEvent({ state })) return 'over';
  return using !== undefined && sumOfKinds(using.trying) >= raise ? 'failed' : 'nothing';
}

/** What events raise and clear. */
export function judgeWanEvents(events: readonly WanEvent[], rules: Rules, now: Date, newId: () => string): Findings {
  const findings: Findings = { found: [], cleared: [], withdrawn: [] };
  for (const event of events) {
    const own = rules.of(event.gatewayId);
    const failed = own.find(({ name }) => name === 'wan-event');
    const flapping = own.find(({ name }) => name === 'wan-flapping');
    const verdict = judgeWanEvent(event, failed?.values.raise ?? 1);
    const at = new Date(Math.min(now.getTime(), Date.parse(event.changedAt)));
    const prints = { failed: fingerprintOf('wan-event', event.id), flapping: fingerprintOf('wan-flapping', event.id) };
    if (verdict === 'failed' && failed?.isOn) findings.found.push(toFound(event, failed, prints.failed, now, newId));
    else if (verdict === 'flapping' && flapping?.isOn) findings.found.push(toFound(event, flapping, prints.flapping, now, newId));
    if (verdict === 'over' || verdict === 'flapping') findings.cleared.push({ fingerprint: prints.failed, at });
    if (verdict === 'over' || verdict === 'failed') findings.cleared.push({ fingerprint: prints.flapping, at });
  }
  return findings;
}

function toFound(
  event: WanEvent,
  rule: { name: string; severity: FoundAlert['severity'] },
  fingerprint: string,
  now: Date,
  newId: () => string,
): FoundAlert {
  const live = event.using && sumOfKinds(event.using.trying);
  const isFlapping = rule.name === 'wan-flapping';
  return {
    id: newId(),
    fingerprint,
    tenantId: event.tenantId,
    siteId: event.siteId,
    gatewayId: event.gatewayId,
    rule: rule.name,
    kind: isFlapping ? 'wan-flapping' : 'wan-event',
    severity: rule.severity,
    pendingSince: new Date(event.beganAt),
    raisedAt: now,
    wanEventId: event.id,
    title: wanEventSentence(event, clockOf),
    ...(live !== undefined && { value: live }),
    ...(isFlapping && { likely: `It changed ${event.changesAnHour} times in an hour.` }),
    evidence: {
      measures: ['count', 'newPerSecond'],
      from: new Date(Date.parse(event.beganAt) - 1_800_000).toISOString(),
      to: now.toISOString(),
    },
    fix: isFlapping
      ? { kind: 'page', path: `/gateways/${event.gatewayId}`, words: `Look at ${event.gatewayName}` }
      : {
          kind: 'flush',
          filter: `stale:yes wan:${wanValue(event.wan)}`,
          gatewayIds: [event.gatewayId],
          words: `End stale flows of ${event.wan}`,
        },
  };
}

/** 23:37, in UTC: what is stored has no reader yet. */
function clockOf(at: string): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`;
}
