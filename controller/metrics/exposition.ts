import { Counter, Gauge, Registry } from 'prom-client';
import type { AuthorityView } from '../../proto/http/authority.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
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

const PLACE = ['tenant', 'site', 'gateway'] as const;

/**
 * The fleet as of its last samples, in Prometheus text format. Names that exist in node_exporter are used as there; no label is ever an
 * address.
 */
export async function toExposition(
  gateways: Gateway[],
  flushed: FlushedFlows[],
  tables: { name: string; bytes: bigint }[],
  version: string,
  authority: AuthorityView['ends'] = [],
): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, ...labels: string[]): Gauge =>
    new Gauge({ name, help, labelNames: [...PLACE, ...labels], registers: [registry] });
  const up = gauge('ctfleet_agent_up', 'Whether the agent has a link to the controller (1) or not (0).');
  const age = gauge('ctfleet_sample_timestamp_seconds', 'When the newest sample was taken.');
  const ends = gauge('ctfleet_gateway_certificate_end_timestamp_seconds', 'When the newest certificate of a gateway ends.');
  const numbers = NUMBER_NAMES.map((measure) => ({ measure, metric: gauge(NUMBERS[measure].metric.name, NUMBERS[measure].metric.help) }));
  const facets = FACET_NAMES.map((facet) => {
    const { name, help, label } = FACETS[facet].metric;
    return { facet, label, metric: gauge(name, help, label) };
  });
  for (const gateway of gateways) {
    const place = { tenant: gateway.tenantName, site: gateway.siteName, gateway: gateway.name };
    up.set(place, gateway.state === 'online' ? 1 : 0);
    // A revoked gateway’s certificate is worth nothing, and never renewed.
    if (gateway.certificate && gateway.state !== 'revoked') ends.set(place, Date.parse(gateway.certificate.endsAt) / 1000);
    const { usage } = gateway;
    // A gateway that is gone has no current numbers; repeating its last ones would hide that.
    if (!usage || gateway.state !== 'online') continue;
    age.set(place, Date.parse(usage.at) / 1000);
    const totals = totalsOf(usage.cpus ?? []);
    for (const { measure, metric } of numbers) {
      const value = isCounter(measure) ? totals[measure] : usage[measure];
      if (value !== undefined) metric.set(place, value);
    }
    for (const { facet, label, metric } of facets)
      for (const [name, flows] of Object.entries(usage[facet] ?? {})) metric.set({ ...place, [label]: name }, flows);
  }
  const authorityEnds = new Gauge({
    name: 'ctfleet_authority_certificate_end_timestamp_seconds',
    help: 'When a trusted root or intermediate of the certificate authority ends, or what a controller presents.',
    labelNames: ['kind', 'name'],
    registers: [registry],
  });
  const authorityNeeds = new Gauge({
    name: 'ctfleet_authority_certificate_needs_someone',
    help: 'Whether such a certificate ends soon and will not be replaced by itself (1) or not (0).',
    labelNames: ['kind', 'name'],
    registers: [registry],
  });
  for (const { kind, name, endsAt, remedy } of authority) {
    authorityEnds.set({ kind, name }, Date.parse(endsAt) / 1000);
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
  const bytes = new Gauge({
    name: 'ctfleet_table_bytes',
    help: 'Size of a table of the database with its indexes.',
    labelNames: ['table'],
    registers: [registry],
  });
  for (const { name, bytes: size } of tables) bytes.set({ table: name }, Number(size));
  new Gauge({
    name: 'ctfleet_build_info',
    help: 'The controller that serves this page.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  return registry.metrics();
}
