import type { Flush } from '../../../proto/http/flushes.ts';
import { csvCell, toSafeJson } from '../../../proto/model/text.ts';
import type { FlowsPage } from '../../lib/controller/queries.ts';
import type { UnreadableEntry } from '../../ui/unreadable.tsx';

type Row = FlowsPage['items'][number];

const COLUMNS: readonly [string, (row: Row, gateway: string) => string | number | undefined][] = [
  ['gateway', (_, gateway) => gateway],
  ['outcome', ({ outcome }) => outcome],
  ['kernel_id', ({ id }) => id],
  ['zone', ({ zone }) => zone],
  ['proto', ({ proto }) => proto],
  ['orig_src', ({ orig }) => orig.src],
  ['orig_sport', ({ orig }) => orig.sport],
  ['orig_dst', ({ orig }) => orig.dst],
  ['orig_dport', ({ orig }) => orig.dport],
  ['reply_src', ({ reply }) => reply.src],
  ['reply_sport', ({ reply }) => reply.sport],
  ['reply_dst', ({ reply }) => reply.dst],
  ['reply_dport', ({ reply }) => reply.dport],
  ['state', ({ state }) => state],
  ['mark', ({ mark }) => mark],
  ['labels', ({ labels }) => labels.join(' ')],
];

/** The exact flows of a flush as CSV (RFC 4180). */
export function evidenceCsv(rows: Row[], nameOf: (gatewayId: string) => string): string {
  return `${[COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, of]) => cell(of(row, nameOf(row.gatewayId)))))].map((line) => line.join(',')).join('\r\n')}\r\n`;
}

/** The flush and its exact flows as JSON, as the API returns them; those that cannot be shown are listed with the reason. */
export function evidenceJson(flush: Flush, flows: Row[], unreadable: UnreadableEntry[]): string {
  return toSafeJson(JSON.stringify({ flush, flows, ...(unreadable.length > 0 && { unreadable }) }, undefined, 2));
}

function cell(value: string | number | undefined): string {
  return typeof value === 'string' ? csvCell(value) : String(value ?? '');
}
