// npm start: the whole of ctfleet on this machine, with a fleet of gateways. Removes everything at the end.
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { routes } from '../proto/http/routes.ts';
import { externalAddress, WANS } from '../test/lab/topology.ts';
import { allGateways } from './demo/enrol.ts';
import { demoFleet } from './demo/fleet.ts';
import { demoOptions } from './demo/options.ts';
import { watchFleet } from './demo/remediations.ts';
import { System } from './demo/system.ts';
import { ProcessGroup } from './process-group.ts';
import { freePort } from './free-port.ts';
import { fail, say } from './say.ts';
import { build, STATE } from './set-up.ts';
import { whyNoKernelGateways } from './system.ts';

/** Can be overridden so that a test can run beside somebody's demo. */
const HOME = process.env.CTFLEET_DEMO_DIR ?? STATE;
const DEMO_FILE = path.join(HOME, 'demo.json');
const startedAt = performance.now();
const options = demoOptions(process.argv.slice(2));
const consolePort = await choosePort(options.port);
await build({ console: !options.isDevelopment });

const family = new ProcessGroup();
let isEnding = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0));
const parent = process.ppid;
setInterval(() => process.ppid !== parent && void end(1), 500).unref();

try {
  const why = options.gateways > 0 ? whyNoKernelGateways() : undefined;
  const system = await System.start({
    family,
    stateDir: HOME,
    consolePort,
    withTraffic: options.withTraffic,
    console: options.isDevelopment ? 'development' : 'built',
    fleet: demoFleet(options.gateways, options.simulated, why ? 'memory' : 'kernel'),
  });
  system.controller.once('exit', (code) => {
    if (!isEnding) say(`the controller exited with ${code}; see .ctfleet/logs/controller.log`);
    void end(1);
  });
  await watchFleet(system.api);
  await writeDemoFile(system);
  say(
    `${describeFleet(system, why)}; queues on ${system.redisUrl !== undefined ? 'Redis' : 'Postgres'}; ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
  );
  console.log(`ctfleet ready: ${system.consoleUrl} (sign in as ${system.operator.email}, password ${system.operator.password})`);
} catch (error) {
  if (!isEnding) say((error as Error).message);
  await end(1);
}

function describeFleet({ placed }: System, why: string | undefined): string {
  const real = placed.filter((gateway) => gateway.kind === 'kernel').length;
  const parts = [];
  if (real > 0) parts.push(`${real} real gateway${real === 1 ? '' : 's'} in network namespaces`);
  if (placed.length > real) parts.push(`${placed.length - real} in memory${why ? `, because ${why}` : ''}`);
  return parts.join(' and ') || 'no gateways';
}

async function writeDemoFile({ api, consoleUrl, apiUrl, ports, operator, placed, lab }: System): Promise<void> {
  const tokens = await api.call(routes.listTokens, { query: { limit: 500 } });
  for (const token of tokens.items.filter(({ name, revokedAt }) => name === 'demo scripts' && !revokedAt))
    await api.call(routes.revokeToken, { params: { id: token.id } });
  const { secret } = await api.call(routes.createToken, { body: { name: 'demo scripts', role: 'owner', expiresInDays: 1 } });
  const all = new Map((await allGateways(api)).map((gateway) => [gateway.name, gateway]));
  const gateways = placed.map(({ name, kind, number, tenant, site }) => {
    const known = all.get(name);
    const wans =
      lab && kind === 'kernel'
        ? WANS.map((wan) => ({ name: `wan${wan}`, address: externalAddress(number, wan) }))
        : (known?.wans ?? []).map((wan) => ({ name: wan.name, address: wan.addresses[0] }));
    return { id: known?.id, name, tenant, site, kind, ...(lab && kind === 'kernel' && { netns: lab.names.gateway(number) }), wans };
  });
  writeFileSync(
    DEMO_FILE,
    `${JSON.stringify({ consoleUrl, apiUrl, grpcAddress: `127.0.0.1:${ports.linkPort}`, operator, apiToken: secret, gateways }, null, 2)}\n`,
    { mode: 0o600 },
  );
}

/** The requested port, which must be free; else 3000 or the next free one. */
async function choosePort(wanted: number | undefined): Promise<number> {
  if (wanted !== undefined && !(await isFree(wanted))) fail(`Port ${wanted} is in use. Choose another with --port, or omit the flag.`);
  return wanted ?? ((await isFree(3000)) ? 3000 : freePort());
}

function isFree(candidate: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(candidate, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  rmSync(DEMO_FILE, { force: true });
  await family.end();
  process.exit(code);
}
