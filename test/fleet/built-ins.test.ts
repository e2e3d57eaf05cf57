import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIBRARY } from '../../controller/remediations/library.ts';
import { RemediationRun_State as State } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { runsOnGateway } from '../../proto/http/remediation-document.ts';
import { Lab, type Failure, type GatewayKind } from '../lab/lab.ts';
import { runIn, spawnIn } from '../lab/namespace.ts';
import { nextHop, policyClient, wansOf, type Routing } from '../lab/routing.ts';
import { gatewayRules } from '../lab/rules.ts';
import { clientAddress, clientAddress6, externalAddress, externalAddress6, SERVERS, SERVERS6, type WanNumber } from '../lab/topology.ts';
import { LoneAgent } from '../support/lone-agent.ts';
import { Registrant } from '../support/registrant.ts';
import { sendFlows } from '../support/send-flows.ts';
import { until } from '../support/until.ts';

/**
 * Flows of an ordinary table, and of the large one; CTFLEET_BUILT_INS_FLOWS=200000 is for a manual run, as far as the machine's
 * nf_conntrack_max allows.
 */
const FEW = 200;
const MANY = Number(process.env.CTFLEET_BUILT_INS_FLOWS ?? 20_000);
const TABLE_MAX = Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'));
/** Twice the lowest threshold of table pressure, so that half of it is still above. */
const JUNK = Math.ceil(TABLE_MAX / 40);
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

/**
 * Kinds of gateway, and what fails there. Where a provider drops everything, or a carrier is lost, the route is moved as a multi-WAN daemon
 * would.
 */
interface Kind extends GatewayKind {
  name: string;
  routing: Routing;
  wan: WanNumber;
  fails: Failure[];
  flows: number;
}
const ALL: Kind[] = [
  { name: 'standby, static SNAT', nat: 'snat', pin: false, routing: 'standby', wan: 1, fails: ['silent', 'metric'], flows: FEW },
  {
    name: 'standby, masquerade and marks',
    nat: 'masquerade',
    pin: true,
    routing: 'standby',
    wan: 1,
    fails: ['carrier', 'metric'],
    flows: FEW,
  },
  { name: 'balanced, static SNAT and marks', nat: 'snat', pin: true, routing: 'balanced', wan: 1, fails: ['admin'], flows: FEW },
  {
    name: 'balanced, masquerade and marks',
    nat: 'masquerade',
    pin: true,
    routing: 'balanced',
    wan: 1,
    fails: ['silent', 'metric'],
    flows: FEW,
  },
  { name: 'policy, static SNAT', nat: 'snat', pin: false, routing: 'policy', wan: 1, fails: ['admin'], flows: FEW },
  {
    name: 'policy, masquerade and marks',
    nat: 'masquerade',
    pin: true,
    routing: 'policy',
    wan: 1,
    fails: ['silent', 'metric'],
    flows: FEW,
  },
  {
    name: 'policy, static SNAT, of the WAN that the rule names',
    nat: 'snat',
    pin: false,
    routing: 'policy',
    wan: 2,
    fails: ['admin'],
    flows: FEW,
  },
  { name: 'standby with a large table', nat: 'snat', pin: false, routing: 'standby', wan: 1, fails: ['admin'], flows: MANY },
  { name: 'single, masquerade', nat: 'masquerade', pin: false, routing: 'single', wan: 1, fails: ['admin'], flows: FEW },
  { name: 'single, static SNAT', nat: 'snat', pin: false, routing: 'single', wan: 1, fails: ['silent'], flows: FEW },
  { name: 'single, with a table that fills', nat: 'masquerade', pin: false, routing: 'single', wan: 1, fails: [], flows: 0 },
];
/** CTFLEET_BUILT_INS_KINDS=policy runs only some of them, for example one at a time on a busy machine. */
const KINDS = ALL.filter(({ name }) => new RegExp(process.env.CTFLEET_BUILT_INS_KINDS ?? '').test(name));
const SINGLES = KINDS.flatMap(({ routing, fails }, index) => (routing === 'single' && fails.length > 0 ? [index + 1] : []));
const FULL = KINDS.findIndex(({ fails }) => fails.length === 0) + 1;
const LARGE = KINDS.findIndex(({ flows }) => flows === MANY) + 1;

/**
 * All built-ins from the library that gateways run, in acting mode. Where a table is to fill, the threshold is as low as it can be, since
 * the kernel has one maximum for all.
 */
const setOf = (isToFill: boolean) =>
  LIBRARY.filter(({ document }) => runsOnGateway(document)).map(({ key, document }, index) => {
    const { trigger, conditions } = document;
    const fills = trigger.kind === 'table-usage' && isToFill;
    return {
      key,
      id: `01900000-0000-7000-8000-00000000000${index + 1}`,
      revision: 1,
      isApproved: true,
      delaySeconds: 0,
      document: JSON.stringify({
        ...document,
        mode: 'auto',
        trigger: fills ? { ...trigger, abovePercent: 1 } : trigger,
        // What is sent again on a busy machine is not idle yet; the table has to be full, and all of it idle, when the run begins.
        conditions: fills ? { ...conditions, settledSeconds: 20 } : conditions,
      }),
    };
  });
const keyOf = (id: string): string => setOf(false).find((one) => one.id === id)!.key;

/** A phone with its state before anything failed. */
interface Phone {
  n: number;
  family: Family;
  isPolicy: boolean;
  registrant: Registrant;
  before: { wan: WanNumber; id: string };
}

const lab = new Lab({ prefix: `builtins-${process.pid}`, gateways: KINDS.length, rules: (n) => KINDS[n - 1]! });
const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-built-ins-'));
const agents: LoneAgent[] = [];
const phones: Phone[] = [];
const late: { n: number; registrant: Registrant; id: string }[] = [];
const times: Record<string, number> = {};
let servers: ChildProcess;

const external = (n: number, wan: WanNumber, family: Family): string => (family === 4 ? externalAddress(n, wan) : externalAddress6(n, wan));

/** What a gateway has on record once nothing is running any more, without the runs that found nothing to do. */
async function said(n: number): Promise<string[]> {
  const runs = await until('every run has finished', () => {
    const found = agents[n - 1]!.runs;
    return found.every(({ finishedAtMs }) => finishedAtMs !== undefined) ? found : undefined;
  });
  return runs
    .filter(({ state, matched }) => state !== State.STATE_DONE || matched > 0)
    .map(({ remediationId, state, reason }) => `${keyOf(remediationId)} ${State[state].slice('STATE_'.length)}${reason && ` ${reason}`}`);
}

/** The kernel's id for a phone's entry. */
function idOf(n: number, { line: { address, port } }: Registrant): string {
  const listing = runIn(lab.names.gateway(n), 'conntrack', [
    '-L',
    '-f',
    address.includes(':') ? 'ipv6' : 'ipv4',
    '-p',
    'udp',
    '--orig-src',
    address,
    '-o',
    'id',
  ]);
  return /\bid=(\d+)/.exec(listing.split('\n').find((line) => line.includes(` sport=${port} `)) ?? '')?.[1] ?? 'none';
}

async function call(n: number, family: Family, client: number, to: 'sip' | 'echo', port: number): Promise<Registrant> {
  const [address, server] =
    family === 4
      ? [clientAddress(n, client), SERVERS[client % SERVERS.length]!]
      : [clientAddress6(n, client), SERVERS6[client % SERVERS6.length]!];
  const registrant = await Registrant.start({ namespace: lab.names.lan(n), address, port, server, to });
  await until(`${address} of ${KINDS[n - 1]!.name} is answered`, () => registrant.answers > 0 || undefined);
  return registrant;
}

/** Two phones per family and path; a hash may need some more until it has sent two by each WAN. */
async function startPhones(n: number, family: Family): Promise<void> {
  const { routing } = KINDS[n - 1]!;
  const clients =
    routing === 'policy'
      ? [5, 6, policyClient(5), policyClient(6)]
      : routing === 'balanced'
        ? Array.from({ length: 24 }, (_, index) => 5 + index)
        : [5, 6];
  const own: Phone[] = [];
  const enough = (): boolean =>
    routing === 'balanced' && ([1, 2] as const).every((wan) => own.filter(({ before }) => before.wan === wan).length >= 2);
  for (const client of clients) {
    if (enough()) break;
    const registrant = await call(n, family, client, 'sip', 5060);
    const wan = registrant.seenAs === external(n, 2, family) ? 2 : 1;
    own.push({ n, family, isPolicy: client >= policyClient(0), registrant, before: { wan, id: idOf(n, registrant) } });
  }
  phones.push(...own);
}

const hears = async ({ registrant }: Pick<Phone, 'registrant'>): Promise<void> => {
  const { answers } = registrant;
  await until(`${registrant.line.address} is answered again`, () => registrant.answers > answers + 1 || undefined);
};

const isSeenBy = (phone: Phone, wan: WanNumber, timeoutMs = 30_000): Promise<boolean> =>
  until(
    `${phone.registrant.line.address} of ${KINDS[phone.n - 1]!.name} is seen by wan${wan}`,
    () => phone.registrant.seenAs === external(phone.n, wan, phone.family) || undefined,
    timeoutMs,
  );

beforeAll(async () => {
  lab.up();
  servers = spawnIn(lab.names.inet, process.execPath, [path.join(import.meta.dirname, '../lab/traffic/servers.ts')]);
  await once(servers.stdout!, 'data');
  for (const n of KINDS.map((_, index) => index + 1)) {
    for (const name of ['udp_timeout', 'udp_timeout_stream']) lab.sysctl(n, `net.netfilter.nf_conntrack_${name}`, 900);
    agents.push(await LoneAgent.start(lab.names.gateway(n), path.join(root, String(n)), setOf(n === FULL)));
  }
  for (const [index, { routing }] of KINDS.entries()) {
    const n = index + 1;
    await until(
      `the probes of ${n} are answered`,
      () => agents[index]!.hearsFrom(wansOf(routing).map((wan) => externalAddress(n, wan))) || undefined,
      60_000,
    );
    for (const family of FAMILIES) await startPhones(n, family);
    await sendFlows(lab.names.lan(n), {
      count: KINDS[index]!.flows,
      from: (host) => clientAddress(n, 1000 + host),
      to: SERVERS[0]!,
      has: () => lab.count(n),
    });
  }
}, 300_000);
afterAll(async () => {
  console.log(JSON.stringify(times));
  for (const { registrant } of [...phones, ...late]) registrant.end();
  for (const agent of agents) await agent.end();
  servers?.kill('SIGKILL');
  lab.down();
  rmSync(root, { recursive: true });
});

const DOUBLE = KINDS.flatMap((kind, index) => (kind.routing === 'single' ? [] : [[kind.name, index + 1] as const]));

describe('a WAN fails', () => {
  beforeAll(() => {
    for (const n of SINGLES) for (const failure of KINDS[n - 1]!.fails) lab.failWan(n, 1, failure);
  });

  test.each(DOUBLE)('%s: its users are heard through the other, and the rest keep the same flows', async (_, n) => {
    const { wan, fails, flows } = KINDS[n - 1]!;
    const own = phones.filter((phone) => phone.n === n);
    const hit = own.filter(({ before }) => before.wan === wan);
    expect(new Set(hit.map(({ family }) => family)).size).toBe(2);
    for (const failure of fails) lab.failWan(n, wan, failure);
    const movedAtMs = performance.now();
    for (const phone of hit) await isSeenBy(phone, wan === 1 ? 2 : 1, 30_000 + flows);
    times[`${KINDS[n - 1]!.name}, ${flows} flows`] = Math.round(performance.now() - movedAtMs);
    expect((await said(n)).filter((words) => words !== 'wan-down DONE')).toEqual([]);
    for (const phone of own.filter((one) => !hit.includes(one))) {
      await hears(phone);
      expect(idOf(n, phone.registrant)).toBe(phone.before.id);
    }
  });

  test.runIf(LARGE > 0)('all flows of a large table were ended in one run', () => {
    const [run] = agents[LARGE - 1]!.runs;
    expect(run!.matched).toBeGreaterThanOrEqual(MANY);
  });

  test('flows that began on the working WAN', async () => {
    for (const [, n] of DOUBLE) {
      if (!KINDS[n - 1]!.pin) continue;
      const registrant = await call(n, 4, 40, 'echo', 7000);
      late.push({ n, registrant, id: idOf(n, registrant) });
    }
  });
});

describe('the WAN comes back', () => {
  beforeAll(() => {
    for (const [index, { wan, fails }] of KINDS.entries()) if (fails.length > 0) lab.healWan(index + 1, wan);
  });

  test.each(DOUBLE.filter(([, n]) => KINDS[n - 1]!.routing !== 'balanced'))(
    '%s: phones that were moved are heard through it again',
    async (_, n) => {
      for (const phone of phones) if (phone.n === n) await isSeenBy(phone, phone.before.wan, 60_000);
    },
    90_000,
  );

  test('phones that never left a WAN that worked throughout keep the same flows', async () => {
    for (const phone of phones) {
      if (KINDS[phone.n - 1]!.routing === 'single' || phone.before.wan === KINDS[phone.n - 1]!.wan) continue;
      await hears(phone);
      expect([KINDS[phone.n - 1]!.name, idOf(phone.n, phone.registrant)]).toEqual([KINDS[phone.n - 1]!.name, phone.before.id]);
    }
  });

  test('flows other than calls, which live on by their mark, are left alone', async () => {
    expect(late).toHaveLength(KINDS.filter(({ pin }) => pin).length);
    for (const one of late) {
      await hears(one);
      expect([KINDS[one.n - 1]!.name, idOf(one.n, one.registrant)]).toEqual([KINDS[one.n - 1]!.name, one.id]);
    }
  });

  test('balanced: all are heard, whichever WAN carries them', async () => {
    for (const phone of phones) if (KINDS[phone.n - 1]!.routing === 'balanced') await hears(phone);
  });

  test('nothing was refused, and only these two ran', async () => {
    for (const [name, n] of DOUBLE)
      expect([name, (await said(n)).filter((words) => words !== 'wan-down DONE' && words !== 'failback-sip DONE')]).toEqual([name, []]);
  });

  test('a gateway’s only WAN needs no help: the phones are heard, and nothing was ended or refused', async () => {
    for (const phone of phones.filter(({ n }) => SINGLES.includes(n))) {
      await hears(phone);
      if (KINDS[phone.n - 1]!.nat === 'snat') expect(idOf(phone.n, phone.registrant)).toBe(phone.before.id);
    }
    for (const n of SINGLES) expect(await said(n)).toEqual([]);
  });
});

describe('the provider assigns another address', () => {
  const other = (n: number): { 4: string; 6: string } => ({ 4: `198.18.200.${n}`, 6: `2001:db8:18::f00:${n}` });

  async function change(n: number): Promise<void> {
    const gateway = lab.names.gateway(n);
    const { nat, pin } = KINDS[n - 1]!;
    for (const family of FAMILIES) {
      const bits = family === 4 ? 16 : 64;
      runIn(gateway, 'ip', ['addr', 'del', `${external(n, 1, family)}/${bits}`, 'dev', 'wan1']);
      runIn(gateway, 'ip', ['addr', 'add', `${other(n)[family]}/${bits}`, 'dev', 'wan1', ...(family === 6 ? ['nodad'] : [])]);
      runIn(gateway, 'ip', [`-${family}`, 'route', 'replace', 'default', 'via', nextHop(`-${family}`, 1), 'dev', 'wan1', 'metric', '10']);
    }
    // Whoever wrote an address into rules changes it there.
    const rules = gatewayRules(n, nat, pin)
      .replaceAll(external(n, 1, 4), other(n)[4])
      .replaceAll(external(n, 1, 6), other(n)[6]);
    runIn(gateway, 'nft', ['-f', '-'], `delete table inet gw\n${rules}`);
  }

  test('the phones are seen under the new address, and nothing was refused', async () => {
    for (const n of SINGLES) {
      await change(n);
      const changedAtMs = performance.now();
      for (const { family, registrant } of phones.filter((phone) => phone.n === n)) {
        await until(
          `${registrant.line.address} of ${KINDS[n - 1]!.name} is seen under the new address`,
          () => registrant.seenAs === other(n)[family] || undefined,
        );
      }
      times[`address, ${KINDS[n - 1]!.name}`] = Math.round(performance.now() - changedAtMs);
      expect((await said(n)).filter((words) => words !== 'address-change DONE')).toEqual([]);
    }
  });
});

describe('a table fills with flows that serve nobody', () => {
  test.runIf(FULL > 0)('half of it is ended at once, and the phones keep the same flows', async () => {
    const lan = lab.names.lan(FULL);
    expect(await said(FULL)).toEqual([]);
    await sendFlows(lan, { count: JUNK, from: (host) => clientAddress(FULL, 2000 + host), to: SERVERS[0]!, has: () => lab.count(FULL) });
    const run = await until(
      'a run has finished',
      () => agents[FULL - 1]!.runs.find(({ finishedAtMs }) => finishedAtMs !== undefined),
      60_000,
    );
    expect(await said(FULL)).toEqual(['table-pressure DONE']);
    expect(run.matched / JUNK).toBeGreaterThan(0.45);
    expect(run.matched / JUNK).toBeLessThan(0.51);
    for (const phone of phones.filter(({ n }) => n === FULL)) {
      await hears(phone);
      expect(idOf(FULL, phone.registrant)).toBe(phone.before.id);
    }
  });
});
