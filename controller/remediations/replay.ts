import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import type { WanEvent } from '../../proto/http/wan-events.ts';
import { globMatches } from '../../proto/model/filter/evaluate.ts';
import type { WanSign } from '../../proto/model/wan-event.ts';

/** When a trigger fired. */
export interface ReplayedFiring {
  at: string;
  gatewayName: string;
  trigger: string;
}

/** By which sign of a WAN event each trigger fires: the first for a failure, all others for each. */
const SIGNS: Partial<Record<RemediationDocument['trigger']['kind'], (sign: WanSign, isFirst: boolean) => boolean>> = {
  'wan-down': (sign, isFirst) => isFirst && sign !== 'address' && sign !== 'recovered',
  'wan-up': (sign) => sign === 'recovered',
  'address-change': (sign) => sign === 'address',
};

/** When a trigger by a WAN would have fired, by the events that are on record, newest first. */
export function replayOf(trigger: RemediationDocument['trigger'], events: readonly WanEvent[]): ReplayedFiring[] {
  const fires = SIGNS[trigger.kind];
  if (!fires || !('wan' in trigger)) return [];
  const { wan: glob } = trigger;
  return events
    .filter(({ wan }) => globMatches(glob, wan))
    .flatMap(({ wan, gatewayName, seen }) =>
      seen.filter(({ sign }, index) => fires(sign, index === 0)).map(({ at, words }) => ({ at, gatewayName, trigger: `${wan} ${words}` })),
    )
    .toSorted((a, b) => (a.at < b.at ? 1 : -1));
}
