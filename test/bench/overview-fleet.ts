import pg from 'pg';

const TENANTS = 100;
const SITES_OF_A_TENANT = 5;
/** How often each gateway has a sample, in seconds. */
const INTERVAL = 10;

/** A fleet that is rows alone: gateways, their sessions and samples, written as ingest would, with its notices. */
export class FleetInSql {
  private readonly client: pg.Client;
  /** Samples stored since `move`. */
  moved = 0;
  private turn = 0;
  private timer: NodeJS.Timeout | undefined;
  private moving: Promise<unknown> = Promise.resolve();

  private constructor(url: string) {
    this.client = new pg.Client(url);
  }

  /** @param url of the owner, whom row-level security does not bind */
  static async make(url: string, gateways: number): Promise<FleetInSql> {
    const fleet = new FleetInSql(url);
    await fleet.client.connect();
    fleet.client.on('error', () => undefined);
    await fleet.client.query(PARTITIONS);
    await fleet.client.query(PLACES, [TENANTS, SITES_OF_A_TENANT]);
    await fleet.client.query(SITES, [TENANTS, SITES_OF_A_TENANT]);
    await fleet.client.query(GATEWAYS, [TENANTS, SITES_OF_A_TENANT, gateways]);
    await fleet.client.query(SESSIONS);
    for (const minutes of [8, 4, 0]) await fleet.client.query(SAMPLES, [null, minutes]);
    await fleet.client.query('ANALYZE');
    return fleet;
  }

  /** A tenth of the gateways have a new sample each second from now on, each with a notice. */
  move(): void {
    this.timer = setInterval(() => {
      const turn = this.turn++ % INTERVAL;
      this.moving = this.moving.then(async () => {
        this.moved += (await this.client.query(SAMPLES, [turn, 0])).rowCount ?? 0;
        for (const one of [HEARD, NOTICES]) await this.client.query(one, [turn]);
      });
    }, 1000);
  }

  async end(): Promise<void> {
    clearInterval(this.timer);
    await this.moving;
    await this.client.end();
  }

  /** Everybody was heard now: nobody falls silent because of what a bench did before. */
  async hear(): Promise<void> {
    for (let turn = 0; turn < INTERVAL; turn++) await this.client.query(HEARD, [turn]);
  }
}

const id = (kind: number, n: string): string => `('019ab000-000${kind}-7000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;
/** Of yesterday, for what is written after midnight about minutes before it, and of today. */
const PARTITIONS = `SELECT make_history_partition('sample', current_date + d - 1, current_date + d) FROM generate_series(0, 1) d`;
const PLACES = `
  INSERT INTO tenant (id, name, colour, created_at)
  SELECT ${id(1, 't')}, 'Tenant ' || t, 1 + t % 6, now() - interval '90 days' FROM generate_series(1, $1::int) t WHERE $2::int > 0`;
const SITES = `
  INSERT INTO site (id, tenant_id, name, time_zone, created_at)
  SELECT ${id(2, 's')}, ${id(1, '1 + (s - 1) / $2::int')}, 'Site ' || s, 'Europe/Rome', now() - interval '90 days'
  FROM generate_series(1, $1::int * $2::int) s`;
const CAPABILITIES = JSON.stringify({
  can: Array.from({ length: 40 }, (_, n) => `ability-${n}`),
  cannot: { offload: 'The kernel has no flow table.' },
});
const WANS = JSON.stringify(
  [1, 2].map((n) => ({ name: `wan${n}`, interface: `eth${n}`, addresses: [`198.51.100.${n}`], isUp: true, carriesDefaultRoute: true })),
);
const GUARD = JSON.stringify({
  isReadOnly: false,
  methods: ['delete', 'reset', 'block'],
  mostPercentOfTable: 50,
  isBuiltIn: true,
  protected: [],
});
const GATEWAYS = `
  INSERT INTO gateway (id, tenant_id, site_id, name, tags, created_at, agent_version, kernel, table_kind, capabilities, wans, guard,
    certificate_generation, certificate_ends_at)
  SELECT ${id(3, 'g')}, ${id(1, '1 + (g % ($1::int * $2::int)) / $2::int')}, ${id(2, '1 + g % ($1::int * $2::int)')}, 'gw' || g,
    CASE WHEN g % 3 = 0 THEN ARRAY['voip'] ELSE ARRAY[]::text[] END, now() - interval '90 days', '0.1.0', '6.12.9', 'kernel',
    '${CAPABILITIES}'::jsonb, '${WANS}'::jsonb, '${GUARD}'::jsonb, 4, now() + interval '5 days'
  FROM generate_series(1, $3::int) g`;
/** One in two hundred is silent. */
const SESSIONS = `
  INSERT INTO link_session (gateway_id, tenant_id, replica_id, epoch, connected_at, last_heard_at, closed_at)
  SELECT id, tenant_id, '019ab000-0009-7000-8000-000000000001', 1, now() - interval '2 days', now(),
    CASE WHEN right(name, 2) = '99' AND length(name) > 3 AND substr(name, length(name) - 2, 1) IN ('1', '3', '5', '7', '9')
      THEN now() - interval '36 minutes' END
  FROM gateway`;
const CPUS = JSON.stringify(
  Array.from({ length: 4 }, (_, cpu) => ({
    cpu,
    found: 1000,
    invalid: 4,
    insert: 0,
    insertFailed: 0,
    drop: 0,
    earlyDrop: 0,
    error: 0,
    searchRestart: 3,
  })),
);
const BREAKDOWN = `jsonb_build_object('at', now(), 'byProto', jsonb_build_object('tcp', 20000, 'udp', 9000, 'icmp', 12),
  'byState', jsonb_build_object('ESTABLISHED', 12000, 'TIME_WAIT', 7000, 'SYN_SENT', 300, 'ASSURED', 8000),
  'byWan', jsonb_build_object('wan1', 15000, 'wan2', 14000), 'topSources', jsonb_build_array(jsonb_build_object('address', '10.2.3.4', 'flows', 900),
  jsonb_build_object('address', '10.2.3.5', 'flows', 800), jsonb_build_object('address', '10.2.3.6', 'flows', 700)))`;
/** Some fill up: of those the list has more than it shows. */
const SAMPLES = `
  INSERT INTO sample (tenant_id, gateway_id, at, count, max, new_per_second, ended_per_second, cpus, breakdown)
  SELECT tenant_id, gateway_id, now() - make_interval(mins => $2::int),
    CASE WHEN epoch_of % 100 = 7 THEN 200000 - $2::int * 2000 + (random() * 500)::int ELSE 20000 + (epoch_of * 97) % 100000 + (random() * 500)::int END,
    262144, 120 + random() * 10, 118 + random() * 10, '${CPUS}'::jsonb, ${BREAKDOWN}
  FROM (SELECT *, right(gateway_id::text, 12)::bigint AS epoch_of FROM link_session WHERE closed_at IS NULL) held
  WHERE $1::int IS NULL OR epoch_of % ${INTERVAL} = $1::int`;
const ITS_TURN = `right(gateway_id::text, 12)::bigint % ${INTERVAL} = $1::int AND closed_at IS NULL`;
const HEARD = `UPDATE link_session SET last_heard_at = now() WHERE ${ITS_TURN}`;
const NOTICES = `SELECT count(pg_notify('ctfleet_gateway', gateway_id::text)) FROM link_session WHERE ${ITS_TURN}`;
