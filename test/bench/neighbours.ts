/**
 * Ten honest gateways beside a hostile one: `npm run bench -- neighbours [--json] [--rounds 12]`. The controller, the honest gateways and
 * the hostile one are separate processes, and the hostile one comes from another address. Rounds without and with it alternate, and each
 * uses a different hostile gateway, which has not been cut yet. Fails if a search or a sample takes more than 20 % longer beside it. All
 * share the machine: the attacker's own CPU time counts against us.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { routes } from '../../proto/http/routes.ts';
import { AttackedController, type Place } from '../attacks/fuzz/attacked-controller.ts';
import { Findings } from '../attacks/fuzz/findings.ts';
import type { FakeAgent } from '../support/controller-fake-agent.ts';

const NEIGHBOURS = 10;
const FLOWS = 40;
/** Searches, each followed by a sample of every gateway, in one round. */
const OF_A_ROUND = 20;
const WARM_UPS = 3;
const TARGET = 1.2;

type Times = Record<'search' | 'sample', number[]>;

const { values: options } = parseArgs({ options: { json: { type: 'boolean' }, rounds: { type: 'string', default: '12' } } });
const rounds = Number(options.rounds);
const controller = await AttackedController.start(new Findings(), { CTFLEET_LINK_HOST: '::', CTFLEET_LOG_LEVEL: 'warn' });
const hostile = fork(path.join(import.meta.dirname, 'neighbours-hostile.ts'), { execArgv: process.execArgv });
const agents: FakeAgent[] = [];
try {
  const place = await controller.makePlace('Honest');
  for (let number = 0; number < NEIGHBOURS; number++) agents.push(await controller.honestAgent(place, `gw${number}`, FLOWS));
  const evil = await controller.makePlace('Evil');
  const targets: object[] = [];
  for (let number = 0; number < rounds; number++) targets.push(await hostileTarget(evil, `evil${number}`));
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) await round({ search: [], sample: [] });
  const [alone, beside]: [Times, Times] = [
    { search: [], sample: [] },
    { search: [], sample: [] },
  ];
  let sent = 0;
  for (const begin of targets) {
    await round(alone);
    await tell({ begin });
    await tell({ attack: true });
    await round(beside);
    sent = await tell({ attack: false });
  }
  if (!options.json) console.log(`the hostile gateways sent ${sent.toLocaleString('en')} messages`);
  for (const what of ['search', 'sample'] as const)
    for (const percent of [50, 99]) report(`${what}, p${percent}`, at(beside[what], percent), at(alone[what], percent));
} finally {
  hostile.kill();
  agents.forEach((agent) => agent.disconnect());
  await controller.stop();
}

async function hostileTarget(place: Place, name: string): Promise<object> {
  const { response, key, ca } = await controller.enrol(place, name);
  const identity = { key, ca, gatewayId: response.gatewayId, certificatePem: Buffer.from(response.certificatePem).toString() };
  return { identity, address: controller.linkAddress.replace('127.0.0.1', '[::1]') };
}

async function round(times: Times): Promise<void> {
  for (let number = 0; number < OF_A_ROUND; number++) {
    let began = performance.now();
    const { total } = await controller.api.call(routes.searchFlows, {
      body: { filter: 'proto:udp', scope: { gateways: agents.map(({ gatewayId }) => gatewayId) } },
    });
    times.search.push(performance.now() - began);
    if (Number(total) !== FLOWS * NEIGHBOURS) throw new Error(`a search found ${total} flows instead of ${FLOWS * NEIGHBOURS}`);
    began = performance.now();
    for (const agent of agents) {
      agent.sampleReceipts.splice(0);
      agent.sendSamples(1n, [Sample.fromPartial({ atMs: BigInt(Date.now()), count: BigInt(FLOWS) })]);
    }
    while (!agents.every(({ sampleReceipts }) => sampleReceipts.length > 0))
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    times.sample.push(performance.now() - began);
  }
}

/** Instructs the hostile process; returns how many messages it has sent so far. */
async function tell(order: object): Promise<number> {
  hostile.send(order);
  const [{ sent }] = (await once(hostile, 'message')) as [{ sent: number }];
  return sent;
}

function report(what: string, ours: number, theirs: number): void {
  const ratio = ours / theirs;
  const row = {
    bench: 'neighbours',
    name: `${what}, ms, beside a hostile gateway and alone`,
    size: rounds * OF_A_ROUND,
    ours: Number(ours.toFixed(1)),
    theirs: Number(theirs.toFixed(1)),
    ratio: Number(ratio.toPrecision(3)),
    target: TARGET,
    ok: ratio <= TARGET,
  };
  console.log(
    options.json
      ? JSON.stringify(row)
      : `${row.name}: ${row.ours} and ${row.theirs}, ratio ${row.ratio}  ${row.ok ? 'within' : 'MISSES'} ${TARGET}`,
  );
  if (!row.ok) process.exitCode = 1;
}

function at(values: number[], percent: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * percent) / 100))]!;
}
