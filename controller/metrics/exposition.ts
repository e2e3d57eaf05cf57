import { Counter, Gauge, Registry } from 'prom-client';
import type { AuthorityView } from '../../proto/http/authority.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import { SEVERITIES } from '../../proto/model/alerts/kinds.ts';
import { FACET_NAMES, FACETS, isCounter, NUMBER_NAMES, NUMBERS, totalsOf } from '../../proto/model/measures.ts';

/** How many flows flushes have handled, by outcome. */
export interface FlushedFlows {
  tenant: string;
  deleted: bigint;
  rebuilt: bigint;
  gone: bigint;
  protected: bigint;
  reappeared: bigint;
  failed: bigint;
  indeterminate: bigint;
  reset: bigint;
  blocked: bigint;
  expiring: bigint;
  restored: bigint;
  occupied: bigint;
  cancelled: bigint;
}

/** What a page says beside the gateways. */
export interface Rest {
  flushed: FlushedFlows[];
  tables: { name: string; bytes: bigint }[];
  /** Those that are not cleared. */
  alerts?: { severity: string; state: string; count: number }[];
  version: string;
  authority?: AuthorityView['ends'];
  /** As of when the gateways are. */
  asOf: string;
}

/**
 * The fleet as of its last samples, in Prometheus text format, in pieces: the whole page is never in memory. Names that exist in
 * node_exporter are used as there; no label is ever an address.
 */
export async function* toExposition(gateways: readonly Gateway[], rest: Rest): AsyncGenerator<string, void> {
  yield* piecesOf(gateways);
  yield await restOf(rest);
}

/** Characters of a piece, about. */
export const PIECE = 64 * 1024;

/** A gateway with the labels that all of its lines have. */
interface Place {
  labels: string;
  gateway: Gateway;
}

/** Every metric of gateways, one after the other, as the format demands: a metric's lines stand together. */
function* piecesOf(gateways: readonly Gateway[]): Generator<string, void> {
  const places = gateways.map((gateway): Place => ({ labels: labelsOf(gateway), gateway }));
  // A gateway that is gone has no current numbers; repeating its last ones would hide that.
  const online = places.filter(({ gateway }) => gateway.state === 'online' && gateway.usage);
  yield* metric('ctfleet_agent_up', 'Whether the agent has a link to the controller (1) or not (0).', places, ({ state }) =>
    state === 'online' ? 1 : 0,
  );
  yield* metric('ctfleet_sample_timestamp_seconds', 'When the newest sample was taken.', online, ({ usage }) => seconds(usage!.at));
  // A revoked gateway’s certificate is worth nothing, and never renewed.
  yield* metric(
    'ctfleet_gateway_certificate_end_timestamp_seconds',
    'When the newest certificate of a gateway ends.',
    places,
    ({ certificate, state }) => (certificate && state !== 'revoked' ? seconds(certificate.endsAt) : undefined),
  );
  const totals = new Map(online.map(({ gateway }) => [gateway, totalsOf(gateway.usage!.cpus ?? [])]));
  for (const measure of NUMBER_NAMES) {
    const { name, help } = NUMBERS[measure].metric;
    yield* metric(name, help, online, (gateway) => (isCounter(measure) ? totals.get(gateway)![measure] : gateway.usage![measure]));
  }
  for (const facet of FACET_NAMES) {
    const { name, help, label } = FACETS[facet].metric;
    yield* pieces(head(name, help), online, ({ labels, gateway }) =>
      Object.entries(gateway.usage![facet] ?? {}).reduce(
        (lines, [part, flows]) => `${lines}${name}{${labels},${label}="${escaped(part)}"} ${flows}\n`,
        '',
      ),
    );
  }
}

function metric(name: string, help: string, places: Place[], valueOf: (gateway: Gateway) => number | undefined): Generator<string, void> {
  return pieces(head(name, help), places, ({ labels, gateway }) => {
    const value = valueOf(gateway);
    return value === undefined ? '' : `${name}{${labels}} ${value}\n`;
  });
}

/** Joins what is said of each place to pieces that are worth a write each, and holds one piece at a time. */
function* pieces(first: string, places: Place[], linesOf: (place: Place) => string): Generator<string, void> {
  let piece = first;
  for (const place of places) {
    piece += linesOf(place);
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function head(name: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
}

function labelsOf({ tenantName, siteName, name }: Gateway): string {
  return `tenant="${escaped(tenantName)}",site="${escaped(siteName)}",gateway="${escaped(name)}"`;
}

/** The value of a label: the three characters that the format escapes. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function seconds(time: string): number {
  return Date.parse(time) / 1000;
}

/** What is not about single gateways: few lines, whatever the fleet. */
function restOf({ flushed, tables, alerts = [], version, authority = [], asOf }: Rest): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const authorityEnds = gauge(
    'ctfleet_authority_certificate_end_timestamp_seconds',
    'When a trusted root or intermediate of the certificate authority ends, or what a controller presents.',
    'kind',
    'name',
  );
  const authorityNeeds = gauge(
    'ctfleet_authority_certificate_needs_someone',
    'Whether such a certificate ends soon and will not be replaced by itself (1) or not (0).',
    'kind',
    'name',
  );
  for (const { kind, name, endsAt, remedy } of authority) {
    authorityEnds.set({ kind, name }, seconds(endsAt));
    authorityNeeds.set({ kind, name }, remedy === undefined ? 0 : 1);
  }
  const results = new Counter({
    name: 'ctfleet_flush_flows_total',
    help: 'Flows that flushes handled, by outcome; rebuilt ones count as deleted.',
    labelNames: ['tenant', 'result'],
    registers: [registry],
  });
  for (const { tenant, ...counts } of flushed)
    for (const [result, count] of Object.entries(counts)) results.inc({ tenant, result }, Number(count));
  const open = gauge('ctfleet_alerts', 'Alerts that are not cleared.', 'severity', 'state');
  for (const severity of SEVERITIES) open.set({ severity, state: 'raised' }, 0);
  for (const { severity, state, count } of alerts) open.set({ severity, state }, count);
  const bytes = gauge('ctfleet_table_bytes', 'Size of a table of the database with its indexes.', 'table');
  for (const { name, bytes: size } of tables) bytes.set({ table: name }, Number(size));
  gauge('ctfleet_fleet_state_timestamp_seconds', 'Changes of gateways until this time are on this page.').set(seconds(asOf));
  gauge('ctfleet_build_info', 'The controller that serves this page.', 'version').set({ version }, 1);
  return registry.metrics();
}
