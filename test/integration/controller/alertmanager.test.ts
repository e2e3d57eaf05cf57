import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes } from '../../../proto/http/routes.ts';
import { freePort } from '../../../tools/free-port.ts';
import { findProgram } from '../../../tools/system.ts';
import { openTestDatabases, type TestDatabases } from '../../support/database.ts';
import { eventually, makePlace, TestController, type Person } from '../../support/controller-fleet.ts';
import { RaisedAlerts } from '../../support/raised-alerts.ts';

/** Installed by `npm test` where that can install anything. */
const PROGRAM = findProgram('prometheus-alertmanager');

describe.skipIf(!PROGRAM)(`Debian’s Alertmanager${PROGRAM ? '' : ' (skipped: it is not installed)'}`, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-alertmanager-'));
  let alertmanager: ChildProcess;
  let origin: string;
  let postgres: TestDatabases;
  let controller: TestController;
  let owner: Person;
  let alerts: RaisedAlerts;

  beforeAll(async () => {
    const address = `127.0.0.1:${await freePort()}`;
    origin = `http://${address}`;
    const config = path.join(folder, 'alertmanager.yml');
    writeFileSync(config, 'route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n');
    const flags = [
      `--config.file=${config}`,
      `--storage.path=${folder}/data`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
    ];
    alertmanager = spawn(PROGRAM!, flags, { stdio: 'ignore' });
    await eventually('Alertmanager answers', async () => (await fetch(`${origin}/-/ready`).catch(() => undefined))?.ok || undefined);
    postgres = await openTestDatabases();
    const url = await postgres.newDatabase();
    controller = await TestController.start({ CTFLEET_DATABASE_URL: url, CTFLEET_OUTBOUND_ALLOW: '127.0.0.1' });
    owner = await controller.person('owner', [{ role: 'owner', tenantId: null }]);
    alerts = new RaisedAlerts(postgres, url, await makePlace(owner, 'Acme', 'gw1'));
  });
  afterAll(async () => {
    alertmanager?.kill('SIGKILL');
    await controller?.stop();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const shown = async (): Promise<{ labels: Record<string, string>; annotations: Record<string, string>; generatorURL: string }[]> =>
    (await (await fetch(`${origin}/api/v2/alerts`)).json()) as never;

  it('takes an alert that is raised, shows where and what it is, and lets it go when it is cleared', async () => {
    await owner.call(routes.createReceiver, {
      body: { name: 'alertmanager', kind: 'alertmanager', severities: ['critical'], url: origin },
    });
    const id = await alerts.raise();
    const [alert] = await eventually('it is there', async () => ((await shown()).length > 0 ? await shown() : undefined));
    expect(alert).toMatchObject({
      labels: { alertname: 'usage-critical', severity: 'critical', tenant: 'Acme', ctfleet_alert: id },
      annotations: { summary: 'the table of gw1 is 91 % full' },
      generatorURL: expect.stringContaining(`/alerts/${id}`),
    });
    await alerts.clear(id);
    await eventually('it is gone', async () => (await shown()).length === 0 || undefined);
  });
});
