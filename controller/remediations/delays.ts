import type { RemediationTrigger } from '../../proto/http/remediation-document.ts';
import { toWaves } from '../plans/waves.ts';
import { isAboutTable } from '../../proto/model/triggers.ts';

/** Between two waves of gateways whose tables fill up: time enough for the first reports, and for a stop. */
const PRESSURE_SPACING_SECONDS = 30;
/** A failover must stay fast, but partners never act together: one of them carries the traffic. */
const PARTNER_SPACING_SECONDS = 10;

interface Partner {
  id: string;
  tags: readonly string[];
}

/**
 * How many seconds each gateway waits after a trigger before it looks, by its id: for a full table in waves, as flushes do; for a WAN not
 * at all, except the second of a pair. The same gateways always have the same turns, in any order.
 */
export function delaysOf({ kind }: Pick<RemediationTrigger, 'kind'>, gateways: readonly Partner[]): Map<string, number> {
  const sorted = gateways.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const isPressure = isAboutTable(kind);
  const waves = toWaves(sorted, isPressure);
  const spacing = isPressure ? PRESSURE_SPACING_SECONDS : PARTNER_SPACING_SECONDS;
  return new Map(sorted.map(({ id }, index) => [id, (waves[index]! - 1) * spacing]));
}
