import { Counter, Gauge, Registry } from 'prom-client';
import type { Gateway } from '../../proto/http/fleet.ts';

/** How many flows flushes have ended, by what became of them. */
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

/** The kernel's names, as in node_exporter, for the sums over all CPUs. */
const STATS = {
  found: 'found',
  invalid: 'invalid',
  insert: 'insert',
  insertFailed: 'insert_failed',
  drop: 'drop',
  earlyDrop: 'early_drop',
  error: 'error',
  searchRestart: 'search_restart',
  clashResolve: 'clash_resolve',
  chainToolong: 'chaintoolong',
} as const;

/** Prometheus text of the fleet as it was last sampled. Names that node_exporter has are node_exporter's; no label is ever an address. */
export async function toExposition(
  gateways: Gateway[],
  flushed: FlushedFlows[],
  tables: { name: string; bytes: bigint }[],
  version: string,
): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, ...labels: string[]): Gauge =>
    new Gauge({ name, help, labelNames: [...PLACE, ...labels], registers: [registry] });
  const entries = gauge('node_nf_conntrack_entries', 'Number of currently allocated flow entries for connection tracking.');
  const limit = gauge('node_nf_conntrack_entries_limit', 'Maximum size of connection tracking table.');
  const up = gauge('ctfleet_agent_up', 'Whether the agent has a link to the controller (1) or not (0).');
  const age = gauge('ctfleet_sample_timestamp_seconds', 'When the newest sample was taken.');
  const flows = gauge('ctfleet_flows', 'Flows by protocol, from the last walk of the table.', 'proto');
  const byWan = gauge('ctfleet_flows_by_wan', 'Flows by the WAN that they use, from the last walk of the table.', 'wan');
  const stats = Object.entries(STATS).map(
    ([key, name]) =>
      [key as keyof typeof STATS, gauge(`node_nf_conntrack_stat_${name}`, `Sum over all CPUs of the kernel's ${name} counter.`)] as const,
  );
  for (const gateway of gateways) {
    const place = { tenant: gateway.tenantName, site: gateway.siteName, gateway: gateway.name };
    up.set(place, gateway.state === 'online' ? 1 : 0);
    const { usage } = gateway;
    // A gateway that is gone has no current numbers; repeating its last ones would hide that.
    if (!usage || gateway.state !== 'online') continue;
    entries.set(place, usage.count);
    age.set(place, Date.parse(usage.at) / 1000);
    if (usage.max !== undefined) limit.set(place, usage.max);
    for (const [proto, count] of Object.entries(usage.byProto ?? {})) flows.set({ ...place, proto }, count);
    for (const [wan, count] of Object.entries(usage.byWan ?? {})) byWan.set({ ...place, wan }, count);
    for (const [key, metric] of stats) {
      const known = (usage.cpus ?? []).flatMap((cpu) => cpu[key] ?? []);
      if (known.length > 0)
        metric.set(
          place,
          known.reduce((sum, value) => sum + value, 0),
        );
    }
  }
  const results = new Counter({
    name: 'ctfleet_flush_flows_total',
    help: 'Flows that flushes handled, by what became of them; rebuilt ones are among the deleted.',
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
  new Gauge({ name: 'ctfleet_build_info', help: 'The controller that answers.', labelNames: ['version'], registers: [registry] }).set(
    { version },
    1,
  );
  return registry.metrics();
}
