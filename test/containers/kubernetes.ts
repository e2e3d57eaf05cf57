// unshare -m -n node test/containers/kubernetes.ts: pods of deploy/kubernetes/apart by `podman kube play`, beside a Postgres and a Redis
// as if they were managed. Images must be built (localhost/ctfleet-controller, localhost/ctfleet-web). Needs a mount and a network namespace
// of its own.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { AuditKey } from '../../controller/audit/signature.ts';
import { Client } from '../../client/client.ts';
import { signIn } from '../../client/sign-in.ts';
import { routes } from '../../proto/http/routes.ts';
import { ProcessGroup } from '../../tools/process-group.ts';
import { startPostgres } from '../../tools/postgres.ts';
import { startRedis } from '../../tools/redis.ts';
import { ROOT } from '../../tools/set-up.ts';
import { podOf, type Stand } from './kube-play.ts';
import { Service, type Endpoint } from '../support/services.ts';

const NETWORK = 'ctfleet-try';
const PREFIX = '10.89.77';
const HOST = `${PREFIX}.1`;
const CONSOLE = `http://${PREFIX}.10:3000`;
const OPERATOR = { email: 'first@example.com', password: randomBytes(12).toString('hex') };
/** Pods in the order in which they start, and what they are of. */
const PODS = {
  'api-1': { file: 'apart/api.yaml', workload: 'controller-api', ip: `${PREFIX}.11` },
  'link-1': { file: 'apart/link.yaml', workload: 'controller-link', ip: `${PREFIX}.12` },
  'link-2': { file: 'apart/link.yaml', workload: 'controller-link', ip: `${PREFIX}.13` },
  'work-1': { file: 'apart/work.yaml', workload: 'controller-work', ip: `${PREFIX}.14` },
  'web-1': { file: 'base/web.yaml', workload: 'web', ip: `${PREFIX}.10` },
} as const;
type PodName = keyof typeof PODS;

const family = new ProcessGroup();
const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-kube-'));
const ready = new Set<PodName>();
const started: string[] = [];
try {
  await story();
} finally {
  for (const name of started) podman(['pod', 'rm', '--force', '--time', '20', name]);
  podman(['network', 'rm', '--force', NETWORK]);
  await family.end();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();

async function story(): Promise<void> {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  podman(['network', 'create', '--subnet', `${PREFIX}.0/24`, '--gateway', HOST, NETWORK]);
  const postgres = await startPostgres({ dir: path.join(folder, 'postgres') });
  family.adopt(postgres.pid, 'SIGINT');
  const redis = await startRedis();
  family.adopt(redis.pid);
  const owner = new pg.Client(postgres.url('postgres'));
  await owner.connect();
  await owner.query('CREATE DATABASE ctfleet');
  await owner.end();
  const redisPort = Number(new URL(redis.url).port);
  let isPostgresThere = true;
  const database = await Service.listen(5432, () => (isPostgresThere ? [{ host: '127.0.0.1', port: postgres.port }] : []));
  await Service.listen(6379, () => [{ host: '127.0.0.1', port: redisPort }]);
  const endpoints = (workload: string, port: number) => (): Endpoint[] =>
    [...ready].filter((name) => PODS[name].workload === workload).map((name) => ({ host: PODS[name].ip, port }));
  await Service.listen(4000, endpoints('controller-api', 4000));
  await Service.listen(4443, endpoints('controller-link', 4443));
  await Service.listen(4444, endpoints('controller-link', 4444));
  const inCluster = (url: string, host: string, port: string): string => Object.assign(new URL(url), { hostname: host, port }).toString();
  const databaseUrl = inCluster(postgres.appUrl('ctfleet'), 'postgres', '5432');
  writeSecrets({
    'ctfleet-keys': { 'seal.key': key('base64'), 'auth.secret': key('hex'), 'audit.key.pem': AuditKey.generate() },
    'ctfleet-controller': {
      'authority.key': key('base64'),
      'controller.env': `CTFLEET_DATABASE_URL=${databaseUrl}\nCTFLEET_REDIS_URL=${inCluster(redis.url, 'redis', '6379')}\n`,
    },
    'ctfleet-owner': {
      'owner.env': [
        `CTFLEET_DATABASE_URL=${databaseUrl}`,
        `CTFLEET_MIGRATION_DATABASE_URL=${inCluster(postgres.url('ctfleet'), 'postgres', '5432')}`,
        '',
      ].join('\n'),
    },
  });
  const stand: Stand = {
    folder,
    services: HOST,
    settings: { CTFLEET_PUBLIC_URL: CONSOLE, CTFLEET_ENROL_ADDRESS: `${HOST}:4443`, CTFLEET_LINK_ADDRESS: `${HOST}:4444` },
  };

  play(stand, 'migrate', { file: 'base/migrate.yaml', workload: 'migrate', ip: `${PREFIX}.20` });
  await until('the database is migrated', async () => podman(['logs', 'migrate-migrate']).includes('the database is ready'));
  for (const name of Object.keys(PODS) as PodName[]) play(stand, name, PODS[name]);
  for (const name of Object.keys(PODS) as PodName[])
    await until(`${name} is ready`, async () => (await probe(name, readyPath(name))) === 200);
  for (const name of Object.keys(PODS) as PodName[]) ready.add(name);
  console.log('migrated; all pods are ready by their own probes');

  // As by `kubectl exec`: with the pod's own state folder. podman's exec waits for a systemd that is not there.
  execFileSync(process.execPath, [path.join(ROOT, 'build/controller/bootstrap.js'), '--email', OPERATOR.email, '--name', 'First'], {
    stdio: ['ignore', 2, 2],
    env: {
      ...process.env,
      CTFLEET_BOOTSTRAP_PASSWORD: OPERATOR.password,
      CTFLEET_DATABASE_URL: postgres.appUrl('ctfleet'),
      CTFLEET_STATE_DIR: path.join(folder, 'api-1/state/state'),
    },
  });
  const client = new Client({ origin: CONSOLE, headers: await signIn(CONSOLE, OPERATOR, CONSOLE) });
  console.log('signed in through the console’s pod');
  const { id: tenantId } = await client.call(routes.createTenant, { body: { name: 'Acme' } });
  const { id: siteId } = await client.call(routes.createSite, { body: { tenantId, name: 'HQ', timeZone: 'Europe/Rome' } });
  const { token: joinToken } = await client.call(routes.createEnrolmentToken, { body: { siteId, gatewayName: 'gw1' } });
  simulate(joinToken);
  const gateway = async () => (await client.call(routes.listGateways)).items[0];
  await until('the gateway is online', async () => (await gateway())?.state === 'online');
  const flows = await client.call(routes.searchFlows, { body: {} });
  assert.equal(flows.gateways[0]?.state, 'answered');
  console.log(`a gateway enrolled and answers a search through the pod that holds it: ${flows.total} flows`);

  isPostgresThere = false;
  database.cut();
  await until('no controller is ready without Postgres', async () => (await probe('api-1', '/readyz')) === 503);
  assert.equal(await probe('api-1', '/healthz'), 200);
  assert.equal(await probe('link-1', '/healthz'), 200);
  isPostgresThere = true;
  for (const name of ['api-1', 'link-1', 'link-2'] as const)
    await until(`${name} is ready again`, async () => (await probe(name, '/readyz')) === 200);
  console.log('without Postgres: /readyz 503, /healthz 200; ready again with it');

  await until('the gateway is online', async () => (await gateway())?.state === 'online');
  const before = (await gateway())!.since;
  const holder = (await isHolder('link-1')) ? 'link-1' : 'link-2';
  ready.delete(holder);
  const stopping = spawn('podman', ['pod', 'stop', '--time', '30', holder], { stdio: ['ignore', 2, 2] });
  const stopped = new Promise((resolve) => stopping.once('exit', resolve));
  await until(`${holder} says that it drains`, async () => (await probe(holder, '/readyz')) === 503);
  await until('the gateway is online on the other', async () => {
    const seen = await gateway();
    return seen?.state === 'online' && seen.since > before;
  });
  await stopped;
  const code = podman(['inspect', '--format', '{{.State.ExitCode}}', `${holder}-controller`]).trim();
  assert.equal(code, '0', `${holder} must stop by itself`);
  assert.equal((await client.call(routes.searchFlows, { body: {} })).gateways[0]?.state, 'answered');
  console.log(`${holder} drained and exited with 0; its gateway is on the other pod and answers`);
  for (const container of ['api-1-controller', 'work-1-controller', 'web-1-web']) {
    const place = `/proc/${podman(['inspect', '--format', '{{.State.Pid}}', container]).trim()}`;
    const status = readFileSync(`${place}/status`, 'utf8');
    assert.match(status, /^Uid:\t1000\t/m, container);
    assert.match(status, /^CapEff:\t0+$/m, container);
    assert.match(status, /^NoNewPrivs:\t1$/m, container);
    assert.match(readFileSync(`${place}/mountinfo`, 'utf8'), /^\S+ \S+ \S+ \/\S* \/ ro,/m, container);
  }
  console.log('user 1000, no capability and no way to one, root read-only');

  /** Whether the links of agents lead there; its Service decides by connections. */
  async function isHolder(name: PodName): Promise<boolean> {
    const sql = `SELECT FROM link_session JOIN replica ON replica.id = replica_id WHERE closed_at IS NULL AND peer_address = $1`;
    const admin = new pg.Client(postgres.url('ctfleet'));
    await admin.connect();
    try {
      return (await admin.query(sql, [`${PODS[name].ip}:4445`])).rowCount! > 0;
    } finally {
      await admin.end();
    }
  }
}

function play(stand: Stand, name: string, { file, workload, ip }: { file: string; workload: string; ip: string }): void {
  started.push(name);
  podman(['kube', 'play', '--network', NETWORK, '--ip', ip, podOf(stand, file, workload, { name, ip })]);
}

function writeSecrets(secrets: Record<string, Record<string, string>>): void {
  for (const [name, files] of Object.entries(secrets)) {
    const place = path.join(folder, 'secrets', name);
    mkdirSync(place, { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(path.join(place, file), content, { mode: 0o440 });
  }
}

/** As openssl prints it. */
function key(encoding: 'base64' | 'hex'): string {
  return `${randomBytes(32).toString(encoding)}\n`;
}

function simulate(joinToken: string): void {
  const child = family.spawn(process.execPath, [path.join(ROOT, 'build/agent/simulate/main.js')], {
    stdio: ['pipe', 2, 2],
    env: { ...process.env, CTFLEET_ENROL_ADDRESS: `${HOST}:4443`, CTFLEET_LINK_ADDRESS: `${HOST}:4444`, CTFLEET_LOG_LEVEL: 'warn' },
  });
  child.stdin!.end(JSON.stringify({ gateways: [{ name: 'gw1', seed: 1, stateDir: path.join(folder, 'gw1'), joinToken, flows: 1000 }] }));
}

function readyPath(name: PodName): string {
  return name === 'web-1' ? '/icon.svg' : '/readyz';
}

/** The status of a pod's own answer; undefined if it gives none. */
async function probe(name: PodName, place: string): Promise<number | undefined> {
  const port = name === 'web-1' ? 3000 : 4000;
  return fetch(`http://${PODS[name].ip}:${port}${place}`, { signal: AbortSignal.timeout(3000) }).then(
    ({ status }) => status,
    () => undefined,
  );
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 180_000;
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > end) throw new Error(`Not within three minutes: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function podman(args: string[]): string {
  return execFileSync('podman', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
}
