import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AlertsService } from '../../../controller/alerts/alerts.service.ts';
import { Sweep } from '../../../controller/alerts/sweep.service.ts';
import { MetricsService } from '../../../controller/metrics/metrics.service.ts';
import { Database } from '../../../controller/platform/database.ts';
import type { WanEvent } from '../../../proto/http/wan-events.ts';
import { routes } from '../../../proto/http/routes.ts';
import { makeGateways } from '../../support/alert-stage.ts';
import { eventually, Person, startWithOwner, TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

let postgres: TestDatabases;
let url: string;
let controller: TestController;
let owner: Person;
let tenantId: string;
let gatewayId: string;
let operator: Person;
let admin: Person;
let stranger: Person;

beforeAll(async () => {
  ({ postgres, url, controller, owner } = await startWithOwner());
  const place = await makeGateways(postgres, url, 2);
  tenantId = place.tenantId;
  gatewayId = place.gatewayIds[0]!;
  const other = await makeGateways(postgres, url, 1);
  operator = await controller.person('Ada', [{ role: 'operator', tenantId }]);
  admin = await controller.person('Bea', [{ role: 'admin', tenantId }]);
  stranger = await controller.person('Eve', [{ role: 'admin', tenantId: other.tenantId }]);
});
beforeEach(async () => {
  await postgres.query(url, 'DELETE FROM alert');
  await postgres.query(url, 'DELETE FROM alert_rules');
});
afterAll(async () => {
  await controller.stop();
  await postgres.stop();
});

const yaml = (name: string, rules: string) =>
  `apiVersion: ctfleet/v1\nkind: AlertRules\nmetadata: { name: ${name} }\nspec: { rules: ${rules} }\n`;
const make = (by: Person, name: string, rules: string, change: object = {}) =>
  by.call(routes.createAlertRules, { body: { tenantId, target: { level: 'tenant' }, document: yaml(name, rules), ...change } });
const sweep = async (): Promise<void> => {
  await postgres.query(url, `UPDATE alert_sweep SET ran_at = now() - interval '30 seconds', steady_since = now() - interval '1 hour'`);
  await eventually('a sweep', async () => (await controller.running.app.get(Sweep, { strict: false }).run()) || undefined);
};
const titles = async (query: Record<string, string> = {}) =>
  (await owner.call(routes.listAlerts, { query })).items.map(({ title, state }) => `${state}: ${title}`);
/** One that is raised. */
const raised = async (): Promise<string> => {
  const [row] = await postgres.query<{ id: string }>(
    url,
    `INSERT INTO alert (id, tenant_id, gateway_id, rule, kind, severity, state, fingerprint, title, pending_since, raised_at, changed_at)
     VALUES (gen_random_uuid(), '${tenantId}', '${gatewayId}', 'usage-critical', 'usage', 'critical', 'raised', 'f', 'full',
       now(), now(), now())
     RETURNING id`,
  );
  return row!.id;
};

describe('alert rules', () => {
  it('are kept as canonical text, and hold field by field with their origin', async () => {
    await make(admin, 'wide', '{ usage-warning: { raise: 80, clear: 75 }, drift: { enabled: false } }');
    await make(admin, 'narrow', '{ usage-warning: { raise: 85 } }', { target: { level: 'gateway', gatewayId } });
    const { items } = await admin.call(routes.getGatewayAlertRules, { params: { id: gatewayId } });
    expect(items.find(({ name }) => name === 'usage-warning')).toMatchObject({
      values: { raise: 85, clear: 75, for: 600 },
      origins: { raise: { level: 'gateway', document: 'narrow' }, clear: { level: 'tenant', document: 'wide' }, for: { level: 'default' } },
    });
    expect(items.find(({ name }) => name === 'drift')).toMatchObject({ isOn: false, origins: { isOn: { document: 'wide' } } });
  });

  it('with mistakes are refused with the place and the cure of each', async () => {
    const document = yaml('bad', '{ usage-warning: { raise: 80, clear: 90 }, mine: { raise: 3 } }');
    const answer = await admin.ask(routes.createAlertRules, { body: { tenantId, target: { level: 'tenant' }, document } });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: 'POLICY_INVALID',
        problems: [
          { line: 4, path: 'spec.rules.usage-warning.clear', cure: 'write one that is not above it' },
          { line: 4, path: 'spec.rules.mine', cure: 'add kind: usage, or time-to-full, or measure' },
        ],
      },
    });
    expect((await admin.call(routes.listAlertRules)).items).toEqual([]);
  });

  it('are changed by whoever saw them last, leave an audit entry, and are seen by nobody else', async () => {
    const made = await make(admin, 'one', '{ drift: { enabled: false } }');
    const body = { revision: 1, document: yaml('one', '{ drift: { for: 10m } }') };
    expect(await admin.call(routes.updateAlertRules, { params: { id: made.id }, body })).toMatchObject({ revision: 2, changedBy: 'Bea' });
    expect(await admin.ask(routes.updateAlertRules, { params: { id: made.id }, body })).toMatchObject({ status: 409 });
    expect(await stranger.ask(routes.getAlertRules, { params: { id: made.id } })).toMatchObject({ status: 404 });
    expect((await stranger.call(routes.listAlertRules)).items).toEqual([]);
    const { items } = await owner.call(routes.listAudit);
    expect(items.map(({ action }) => action)).toEqual(expect.arrayContaining(['alert-rules.made', 'alert-rules.changed']));
    await admin.call(routes.deleteAlertRules, { params: { id: made.id } });
    expect((await admin.call(routes.listAlertRules)).items).toEqual([]);
  });

  it('say before they are saved how often they would have fired', async () => {
    await postgres.query(
      url,
      `INSERT INTO sample_hour (tenant_id, gateway_id, at, samples, count_sum, count_max, max)
       SELECT '${tenantId}', '${gatewayId}', date_trunc('hour', now()) - h * interval '1 hour', 360, 360000,
         CASE h WHEN 5 THEN 9500 ELSE 1000 END, 10000
       FROM generate_series(1, 20) AS h ON CONFLICT DO NOTHING`,
    );
    await postgres.query(
      url,
      `INSERT INTO sample_minute (tenant_id, gateway_id, at, samples, count_sum, count_max, max)
       SELECT '${tenantId}', '${gatewayId}', date_trunc('hour', now()) - interval '5 hours' + m * interval '1 minute', 6, 6000,
         CASE WHEN m BETWEEN 10 AND 30 THEN 9500 ELSE 1000 END, 10000
       FROM generate_series(0, 59) AS m ON CONFLICT DO NOTHING`,
    );
    const ask = (rules: string) => admin.call(routes.checkAlertRules, { body: { tenantId, document: yaml('new', rules) } });
    const answer = await ask('{ usage-warning: { raise: 80, clear: 75, for: 5m, clearFor: 5m }, silent: { raise: 2m } }');
    expect(answer).toMatchObject({ problems: [], gateways: 2, wouldHaveFired: [{ rule: 'usage-warning', times: 1, gateways: 1 }] });
    expect(answer.notes).toContain('silent is not judged by samples, so that history cannot tell how often it would have fired.');
    const [last] = answer.wouldHaveFired[0]!.last;
    expect(Date.parse(last!.clearedAt!) - Date.parse(last!.raisedAt)).toBe((31 + 5 - 15) * 60_000);
    expect((await ask('{ usage-warning: { raise: 98, clear: 95 } }')).wouldHaveFired).toMatchObject([{ times: 0 }]);
    expect((await ask('{ usage-warning: { raise: 0 } }')).problems).toMatchObject([{ path: 'spec.rules.usage-warning.raise' }]);
  });
});

describe('an alert', () => {
  it('is acknowledged, assigned, noted and silenced, each with its transition, and told to streams', async () => {
    const id = await raised();
    const events = await operator.watch(routes.watchFleet, {}, { watch: 'alerts' });
    const params = { id };
    expect(await operator.call(routes.acknowledgeAlert, { params, body: { note: 'on it' } })).toMatchObject({
      state: 'acknowledged',
      acknowledged: { byName: 'Ada' },
    });
    await events.until((event: { kind: string; alertId?: string }) => event.kind === 'alert' && event.alertId === id);
    events.close();
    const [{ id: me }] = (await postgres.query<{ id: string }>(url, `SELECT id FROM "user" WHERE name = 'Ada'`)) as [{ id: string }];
    expect(await operator.call(routes.assignAlert, { params, body: { personId: me } })).toMatchObject({
      assignedTo: { id: me, name: 'Ada' },
    });
    await operator.call(routes.noteAlert, { params, body: { note: 'the printer again' } });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect(await operator.call(routes.silenceAlert, { params, body: { until, reason: 'known' } })).toMatchObject({ state: 'silenced' });
    expect(await operator.call(routes.silenceAlert, { params, body: { until: null } })).toMatchObject({ state: 'acknowledged' });
    const { transitions } = await operator.call(routes.getAlert, { params });
    expect(transitions.map(({ transition, byName, note }) => [transition, byName, note])).toEqual([
      ['acknowledged', 'Ada', 'on it'],
      ['assigned', 'Ada', 'to Ada'],
      ['noted', 'Ada', 'the printer again'],
      ['silenced', 'Ada', 'known'],
      ['unsilenced', 'Ada', undefined],
    ]);
    expect(await stranger.ask(routes.getAlert, { params })).toMatchObject({ status: 404 });
    const page = await controller.running.app.get(MetricsService, { strict: false }).text('all');
    let metrics = '';
    for await (const piece of page) metrics += piece;
    expect(metrics).toContain('ctfleet_alerts{severity="critical",state="acknowledged"} 1');
  });

  it('is refused a silence that is past, or an assignment to somebody who may not see it', async () => {
    const id = await raised();
    const [eve] = await postgres.query<{ id: string }>(url, `SELECT id FROM "user" WHERE name = 'Eve'`);
    expect(await operator.ask(routes.silenceAlert, { params: { id }, body: { until: '2020-01-01T00:00:00Z' } })).toMatchObject({
      status: 400,
    });
    expect(await operator.ask(routes.assignAlert, { params: { id }, body: { personId: eve!.id } })).toMatchObject({ status: 400 });
  });

  it('that a silence kept from being told is told once the silence has ended', async () => {
    const id = await raised();
    await postgres.query(url, `UPDATE alert SET state = 'silenced', silenced_until = now() - interval '1 second' WHERE id = '${id}'`);
    await sweep();
    const { state, transitions } = await owner.call(routes.getAlert, { params: { id } });
    expect([state, transitions.map(({ transition }) => transition)]).toEqual(['raised', ['unsilenced']]);
  });

  it('of a rule that is turned off is cleared although no sample comes', async () => {
    await raised();
    await make(admin, 'off', '{ usage-critical: { enabled: false } }');
    await sweep();
    expect(await titles({ state: 'open' })).toEqual([]);
  });
});

describe('the sweep', () => {
  const link = (lastHeard: string, closed = 'NULL', interrupted = 'NULL') =>
    postgres.query(
      url,
      `INSERT INTO link_session (gateway_id, tenant_id, replica_id, epoch, connected_at, last_heard_at, closed_at, interrupted_at)
       SELECT '${gatewayId}', '${tenantId}', id, 1, now() - interval '1 day', now() - interval '${lastHeard}', ${closed}, ${interrupted}
       FROM replica WHERE ended_at IS NULL LIMIT 1
       ON CONFLICT (gateway_id) DO UPDATE SET last_heard_at = excluded.last_heard_at, closed_at = excluded.closed_at,
         interrupted_at = excluded.interrupted_at`,
    );
  beforeEach(async () => {
    await postgres.query(url, `UPDATE replica SET started_at = now() - interval '1 hour' WHERE ended_at IS NULL`);
  });

  it('raises what is silent once, and clears it when it is back', async () => {
    await link('2 minutes', `now() - interval '2 minutes'`);
    await sweep();
    await sweep();
    expect(await titles()).toEqual(['raised: gw-1 is silent']);
    await link('1 second');
    await sweep();
    expect(await titles()).toEqual(['cleared: gw-1 is silent']);
  });

  it('raises nothing of the kind for what only reconnects, nor after a break of its own, nor for one that has just started', async () => {
    await link('2 minutes', `now() - interval '100 seconds'`, `now() - interval '100 seconds'`);
    await sweep();
    await link('2 minutes', `now() - interval '2 minutes'`);
    await postgres.query(url, `UPDATE alert_sweep SET ran_at = now() - interval '10 minutes'`);
    await eventually('a sweep', async () => (await controller.running.app.get(Sweep, { strict: false }).run()) || undefined);
    await postgres.query(url, `UPDATE replica SET started_at = now() WHERE ended_at IS NULL`);
    await sweep();
    expect(await titles()).toEqual([]);
    await postgres.query(url, 'DELETE FROM link_session');
  });

  it('raises a guard file that cannot be read, drift that stays, and a certificate that should have been renewed', async () => {
    await postgres.query(
      url,
      `UPDATE gateway SET guard = '{"error": "line 3: no such method."}', certificate_ends_at = now() + interval '1 minute'
       WHERE id = '${gatewayId}'`,
    );
    await postgres.query(
      url,
      `INSERT INTO policy_drift (id, gateway_id, tenant_id, path, since, state)
       VALUES (gen_random_uuid(), '${gatewayId}', '${tenantId}', 'timeouts.icmp', now() - interval '1 hour', 'open')`,
    );
    await sweep();
    expect((await titles()).toSorted()).toEqual([
      expect.stringMatching(/^raised: certificate of gw-1 ends at/),
      'raised: guard file of gw-1 cannot be read',
      'raised: gw-1 is set otherwise than its policy says: timeouts.icmp',
    ]);
    await postgres.query(url, `UPDATE gateway SET guard = NULL, certificate_ends_at = NULL`);
    await postgres.query(url, 'DELETE FROM policy_drift');
    await sweep();
    expect(await titles({ state: 'open' })).toEqual([]);
  });
});

describe('a WAN event', () => {
  const kinds = (calls: number) => ({ calls, udp: 0, tcp: 0, vpn: 0, other: 0 });
  const event = (change: Partial<WanEvent>): WanEvent => ({
    id: '01a00000-0000-7000-8000-000000000001',
    gatewayId,
    gatewayName: 'gw-1',
    siteId: gatewayId,
    siteName: 'Milano',
    tenantId,
    tenantName: 't',
    state: 'open',
    wan: 'wan1',
    interface: 'eth0',
    failed: 'lost the default route',
    seen: [],
    target: { wan: 'wan2', isHealthy: true },
    beganAt: '2026-12-01T00:00:00.000Z',
    changedAt: '2026-12-01T00:00:01.000Z',
    reportedAt: '2026-12-01T00:00:01.000Z',
    using: { at: '2026-12-01T00:00:01.000Z', trying: kinds(40), waiting: kinds(0) },
    changesAnHour: 1,
    actions: [],
    ...change,
  });
  const judge = (change: Partial<WanEvent>) =>
    controller.running.app
      .get(Database, { strict: false })
      .transact(new Set([tenantId]), (t) =>
        controller.running.app.get(AlertsService, { strict: false }).judgeWanEvents(t, [event(change)]),
      );

  it('is one alert with its sentence and its fix, which takes the alerts about load as its children, and is over with it', async () => {
    const load = await raised();
    await judge({});
    await judge({});
    const { items } = await owner.call(routes.listAlerts);
    expect(items).toMatchObject([
      {
        title: 'wan1 at Milano lost the default route at 00:00 UTC; 40 live flows still use it, all of them calls; wan2 is healthy',
        children: 1,
        fix: { kind: 'flush', filter: 'stale:yes wan:"wan1"', gatewayIds: [gatewayId] },
      },
    ]);
    const { transitions, childAlerts } = await owner.call(routes.getAlert, { params: { id: items[0]!.id } });
    expect([transitions.map(({ transition }) => transition), childAlerts.map(({ id }) => id)]).toEqual([['raised'], [load]]);
    await judge({ state: 'healed' });
    expect(await titles()).toEqual(['raised: full', expect.stringMatching(/^cleared: wan1 at Milano/)]);
  });

  it('without live flows, or reported once it is over, raises nothing', async () => {
    await judge({ using: { at: '2026-12-01T00:00:01.000Z', trying: kinds(0), waiting: kinds(9) } });
    await judge({ state: 'closed' });
    expect(await titles()).toEqual([]);
  });
});

describe('a maintenance window', () => {
  it('says when it is next, by the zone of each site, and one that ends before it begins is refused', async () => {
    const body = { tenantId, target: { level: 'tenant' }, name: 'nightly', when: { kind: 'cron', cron: '0 3 * * *', minutes: 60 } };
    const made = await admin.call(routes.createMaintenanceWindow, { body });
    expect(made.next.map(({ timeZone }) => timeZone)).toEqual(['Europe/Rome', 'Europe/Rome', 'Europe/Rome']);
    const wrong = { ...body, when: { kind: 'once', from: '2027-01-02T00:00:00Z', to: '2027-01-01T00:00:00Z' } };
    expect(await admin.ask(routes.createMaintenanceWindow, { body: wrong })).toMatchObject({
      status: 400,
      body: { issues: [{ path: 'body.when.to', message: 'must be after its beginning' }] },
    });
    await admin.call(routes.deleteMaintenanceWindow, { params: { id: made.id } });
    expect((await admin.call(routes.listMaintenanceWindows)).items).toEqual([]);
  });
});
