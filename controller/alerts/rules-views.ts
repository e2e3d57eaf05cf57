import type { AlertRules, EffectiveAlertRule, MaintenanceWindow } from '../../proto/http/alert-rules.ts';
import { effectiveRules, type EffectiveRule, type RuleOrigin } from '../../proto/model/alerts/effective.ts';
import { reaches, type Place } from '../policies/targets.ts';
import type { GatewayPlace, RulesRow, WindowRow } from './rows.ts';
import { nextOpenings, openUntil, zoneOf } from './windows.ts';

/** A document as the API shows it. `places`: of all gateways that the caller sees. */
export function toRulesView(row: RulesRow, places: readonly Place[]): AlertRules {
  return {
    id: row.id,
    tenantId: row.tenantId ?? undefined,
    tenantName: row.tenantName ?? undefined,
    name: row.name,
    target: {
      level: row.level as AlertRules['target']['level'],
      tag: row.tag ?? undefined,
      siteId: row.siteId ?? undefined,
      siteName: row.siteName ?? undefined,
      gatewayId: row.gatewayId ?? undefined,
      gatewayName: row.gatewayName ?? undefined,
    },
    revision: row.revision,
    document: row.document,
    changedBy: row.changedByName,
    changedAt: row.changedAt.toISOString(),
    gateways: places.filter((place) => reaches(row, place)).length,
  };
}

/** A rule with its origins. `mayName`: whether the caller may know a document by its name; of others only the level is told. */
export function toRuleView(
  { name, kind, isOn, severity, values, origins }: EffectiveRule,
  mayName: (documentId: string) => boolean,
): EffectiveAlertRule {
  const told = ({ level, document, documentId }: RuleOrigin): RuleOrigin =>
    documentId !== undefined && mayName(documentId) ? { level, document, documentId } : { level };
  return {
    name,
    kind,
    isOn,
    severity,
    values: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<string, number | string>,
    origins: Object.fromEntries(Object.entries(origins).map(([key, origin]) => [key, told(origin)])),
  };
}

export const builtInViews = (): EffectiveAlertRule[] => effectiveRules([]).map((rule) => toRuleView(rule, () => false));

/** Beginnings that are shown. */
const NEXT = 3;
/** Zones that are shown. */
const MAX_ZONES = 20;

export function toWindowView(row: WindowRow, places: readonly GatewayPlace[], nowMs: number): MaintenanceWindow {
  const own = places.filter((place) => reaches(row, place));
  const zones = row.timeZone === 'site' ? [...new Set(own.map(({ timeZone }) => timeZone))].toSorted().slice(0, MAX_ZONES) : [row.timeZone];
  return {
    id: row.id,
    tenantId: row.tenantId ?? undefined,
    name: row.name,
    target: targetOf(row),
    when: row.when,
    timeZone: row.timeZone,
    createdBy: row.createdByName,
    isNow: zones.some((zone) => openUntil(row.when, zoneOf(row, zone), nowMs) !== undefined),
    next: zones.flatMap((timeZone) =>
      nextOpenings(row.when, timeZone, nowMs, NEXT).map(({ fromMs, untilMs }) => ({
        timeZone,
        at: new Date(fromMs).toISOString(),
        until: new Date(untilMs).toISOString(),
      })),
    ),
  };
}

function targetOf({ level, tag, siteId, gatewayId }: WindowRow): MaintenanceWindow['target'] {
  switch (level) {
    case 'tag':
      return { level, tag: tag! };
    case 'site':
      return { level, siteId: siteId! };
    case 'gateway':
      return { level, gatewayId: gatewayId! };
    default:
      return { level: level === 'fleet' ? 'fleet' : 'tenant' };
  }
}
