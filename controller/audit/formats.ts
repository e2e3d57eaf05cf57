import { csvCell, toPrintable, toSafeJson } from '../../proto/model/text.ts';
import type { NamedEntry } from './entry-row.ts';

/** How a format begins, and how it renders one entry; without `line`, entries are written as they were hashed. */
interface Format {
  type: string;
  extension: string;
  begin?: string;
  line?: (entry: NamedEntry) => string;
}

const COLUMNS = [
  'at',
  'tenant',
  'chain',
  'seq',
  'actor',
  'action',
  'outcome',
  'summary',
  'gateway',
  'reason',
  'ticket',
  'planId',
  'flushId',
  'id',
  'hash',
] as const;

export const FORMATS: Record<'ndjson' | 'csv' | 'ecs' | 'cef', Format> = {
  ndjson: { type: 'application/x-ndjson', extension: 'ndjson' },
  csv: {
    type: 'text/csv; charset=utf-8',
    extension: 'csv',
    begin: COLUMNS.join(','),
    line: (entry) => COLUMNS.map((name) => csvCell(cellsOf(entry)[name])).join(','),
  },
  ecs: { type: 'application/x-ndjson', extension: 'ecs.ndjson', line: toEcs },
  cef: { type: 'text/plain; charset=utf-8', extension: 'cef', line: toCef },
};

function cellsOf(entry: NamedEntry): Record<(typeof COLUMNS)[number], string> {
  return {
    at: entry.at.toISOString(),
    tenant: entry.tenantName ?? '',
    chain: entry.chain,
    seq: String(entry.seq),
    actor: entry.actorName,
    action: entry.action,
    outcome: entry.outcome,
    summary: entry.summary,
    gateway: entry.gatewayName ?? '',
    reason: entry.reason ?? '',
    ticket: entry.ticket ?? '',
    planId: entry.planId ?? '',
    flushId: entry.flushId ?? '',
    id: entry.id,
    hash: entry.hash,
  };
}

/** Elastic Common Schema 8. Ended flows map to the end of a network connection; everything else is configuration or sign-in. */
function toEcs(entry: NamedEntry): string {
  const isFlush = entry.action.startsWith('flush.');
  return toSafeJson(
    JSON.stringify({
      '@timestamp': entry.at.toISOString(),
      event: {
        id: entry.id,
        action: entry.action,
        outcome: entry.outcome === 'ok' ? 'success' : entry.outcome === 'partial' ? 'unknown' : 'failure',
        kind: 'event',
        hash: entry.hash,
        sequence: Number(entry.seq),
        category: [isFlush ? 'network' : entry.action.startsWith('session.') ? 'authentication' : 'configuration'],
        type: isFlush ? ['connection', 'end'] : ['info'],
        reason: entry.reason ?? undefined,
      },
      message: entry.summary,
      user: { id: entry.actorId, name: entry.actorName },
      observer: entry.gatewayName === null ? undefined : { name: entry.gatewayName, serial_number: entry.gatewayId },
      organization: entry.tenantId === null ? undefined : { id: entry.tenantId, name: entry.tenantName },
      labels: { ticket: entry.ticket ?? undefined, plan: entry.planId ?? undefined, flush: entry.flushId ?? undefined },
    }),
  );
}

/** ArcSight Common Event Format 0, with values escaped as it requires. */
function toCef(entry: NamedEntry): string {
  const severity = entry.outcome === 'ok' ? 3 : 6;
  const fields: [string, string | null | undefined][] = [
    ['rt', String(entry.at.getTime())],
    ['suser', entry.actorName],
    ['suid', entry.actorId],
    ['act', entry.action.startsWith('flush.') ? 'drop' : entry.action],
    ['outcome', entry.outcome],
    ['dvchost', entry.gatewayName],
    ['reason', entry.reason],
    ['externalId', entry.id],
    ['cs1Label', entry.tenantName && 'tenant'],
    ['cs1', entry.tenantName],
    ['cs2Label', entry.ticket && 'ticket'],
    ['cs2', entry.ticket],
    ['cs3Label', entry.planId && 'plan'],
    ['cs3', entry.planId],
    ['cs4Label', 'hash'],
    ['cs4', entry.hash],
    ['msg', entry.summary],
  ];
  const extension = fields.flatMap(([name, value]) => (value ? [`${name}=${cefValue(value)}`] : [])).join(' ');
  const header = ['ctfleet', 'controller', '1', entry.action.toUpperCase().replaceAll(/[.-]/g, '_'), entry.action].map((text) =>
    text.replaceAll('\\', '\\\\').replaceAll('|', '\\|'),
  );
  return `CEF:0|${header.join('|')}|${severity}|${extension}`;
}

function cefValue(text: string): string {
  return toPrintable(text.replaceAll('\\', '\\\\').replaceAll('=', '\\=').replaceAll('\r', '\\r').replaceAll('\n', '\\n'));
}
