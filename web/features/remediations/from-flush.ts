import { remediationDocument, type RemediationDocument } from '../../../proto/http/remediation-document.ts';
import type { Flush } from '../../../proto/http/flushes.ts';
import { FLEET_FIELDS, type FieldName, type FlowFilter } from '../../../proto/model/filter/filter.ts';
import { conjunctsOf, formatFilter } from '../../../proto/model/filter/format.ts';
import { parseFilter } from '../../../proto/model/filter/parse.ts';

/**
 * A remediation that would have done what this flush did. Terms that select gateways become its scope; kernel ids, which no other flow has,
 * are omitted. A filter of stale flows or of a WAN gets a WAN failure as its trigger; any other is run by hand. It may touch at most twice
 * as many flows.
 */
export function remediationOfFlush({
  filter,
  method,
  reason,
  totals,
  targets,
}: Pick<Flush, 'filter' | 'method' | 'reason' | 'totals' | 'targets'>): RemediationDocument {
  const parsed = parseFilter(filter);
  const parts =
    'filter' in parsed
      ? conjunctsOf(parsed.filter).filter((part) => !isOnlyOf(part, (field) => field === 'id' || FLEET_FIELDS.has(field)))
      : [];
  const wans = parts.filter((part) => part.kind === 'term' && part.field === 'wan' && part.match.kind === 'glob');
  const isAboutWan = wans.length === 1 || parts.some((part) => part.kind === 'term' && part.field === 'stale');
  const text = parts.map((part) => (isAboutWan && wans.includes(part) ? 'wan:$wan' : formatPart(part))).join(' ') || filter;
  return remediationDocument.parse({
    name: `From a flush: ${reason}`.slice(0, 100),
    mode: 'observe',
    scope: { gateways: targets.map(({ gatewayId }) => gatewayId) },
    trigger: isAboutWan
      ? { kind: 'wan-down', wan: wans.length === 1 ? formatFilter(wans[0]!).slice('wan:'.length).replaceAll('"', '') : '*' }
      : { kind: 'manual' },
    conditions: isAboutWan ? { healthyTarget: true, mostFlapsAnHour: 12 } : {},
    filter: isAboutWan && wans.length === 0 ? `${text} wan:$wan` : text,
    method,
    ...(method === 'delete' ? {} : { forSeconds: 60 }),
    limits: { maxFlows: Math.max(50, totals.planned * 2) },
  });
}

/** True for a term of a wanted field, and for a list of them. */
function isOnlyOf(part: FlowFilter, isWanted: (field: FieldName) => boolean): boolean {
  return part.kind === 'term' ? isWanted(part.field) : part.kind === 'or' && part.operands.every((one) => isOnlyOf(one, isWanted));
}

function formatPart(part: FlowFilter): string {
  const text = formatFilter(part);
  return part.kind === 'or' && text.includes(' or ') ? `(${text})` : text;
}
