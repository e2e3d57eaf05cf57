import { setTimeout as delay } from 'node:timers/promises';
import { routes } from '../../../proto/http/routes.ts';
import type { Ask, Outage } from '../history.ts';
import { until, type Fleet } from './fleet.ts';
import { cloneGateway, reportWithoutEnd, restoreBackup } from './incidents.ts';
import { withClient } from './parts.ts';
import { goesAway } from './replica-outages.ts';
import { slotFilter } from './slots.ts';

interface Planned {
  id: string;
  digest: string;
}

/**
 * The deadline is longer than all agents take to start on a busy machine. A flush may take longer than its deadline, so that what is lost
 * expires.
 */
export const COMMAND_TTL_MS = 8000;
const ENDS_IN_MS = 13_000;
/** A gateway looks again for half a second after it changed its table; then its result is on its way. */
const RESULT_MS = 1500;
/** A second controller, which holds every link and does no work. */
const ANOTHER = 'front-2';

/** One system and one operator's work on it. What the operator asked for, and what happened to the system meanwhile, is kept. */
export class Play {
  readonly asks: Ask[] = [];
  readonly faults: Outage[] = [];
  readonly fleet: Fleet;
  readonly #nextSlot: () => number;

  constructor(fleet: Fleet, nextSlot: () => number) {
    this.fleet = fleet;
    this.#nextSlot = nextSlot;
  }

  /** A plan over flows that no other has, on one tenant's gateways or on all. */
  async plan(tenantId?: string): Promise<Planned> {
    return this.fleet.operator.call(routes.createPlan, {
      body: { filter: slotFilter(this.#nextSlot()), scope: tenantId === undefined ? {} : { tenants: [tenantId] }, reason: 'a scenario' },
    });
  }

  /** Asks once to run it; undefined if that is refused. */
  async run({ id, digest }: Planned, seen = digest): Promise<string | undefined> {
    const answer = await this.fleet.operator.ask(routes.runPlan, { params: { id }, body: { digest: seen } });
    const flushId = answer.kind === 'ok' ? answer.body.flushId : undefined;
    this.asks.push({
      planId: id,
      digest: seen,
      atMs: Date.now(),
      answer: answer.kind === 'ok' ? 'accepted' : answer.kind === 'refused' ? 'refused' : 'unknown',
      flushId,
    });
    return flushId;
  }

  /** Waits for its end, but not for ever: what has not ended by then is for the checker to see. */
  async end(flushId: string | undefined): Promise<void> {
    for (const lateMs = performance.now() + ENDS_IN_MS; flushId !== undefined && performance.now() < lateMs; await delay(200)) {
      const answer = await this.fleet.operator.ask(routes.getFlush, { params: { id: flushId } });
      if (answer.kind === 'ok' && answer.body.state !== 'running') return;
    }
  }

  /** Runs something while all agents are dead, and brings them back. */
  async whileAgentsAreAway(work: () => Promise<void>): Promise<void> {
    const fromMs = Date.now();
    const before = this.fleet.parts.deaths.length;
    await this.fleet.parts.signal('agents', 'SIGKILL');
    await this.fleet.untilUnlinked();
    await work();
    const backMs = Date.now();
    this.fleet.parts.startAgents();
    // Nobody connects to a controller that ended by itself.
    if (this.fleet.parts.deaths.length === before) await this.fleet.untilLinked(backMs);
    this.faults.push({ name: 'agents', fromMs, toMs: Date.now() });
  }

  /** Runs something while every link is at another controller than the operator; then they are led back. */
  async withAnother(work: () => Promise<void>): Promise<void> {
    const { parts } = this.fleet;
    const { targets } = parts.proxy;
    await parts.startController(ANOTHER);
    const fromMs = Date.now();
    parts.proxy.leadTo([parts.linkPort(ANOTHER)]);
    await this.fleet.untilLinked(fromMs);
    this.faults.push({ name: 'links moved', fromMs, toMs: Date.now() });
    await work();
    const backMs = Date.now();
    parts.proxy.leadTo(targets);
    await this.fleet.untilLinked(backMs);
    if (parts.isRunning(ANOTHER)) await parts.signal(ANOTHER, 'SIGTERM');
    this.faults.push({ name: 'links moved back', fromMs: backMs, toMs: Date.now() });
  }
}

/** What one operator does, by name. Played on the product as it is, each scenario keeps every promise. */
export const SYSTEM_SCENARIOS: Record<string, (play: Play) => Promise<void>> = {
  'one-flush': async (play) => play.end(await play.run(await play.plan(play.fleet.tenantIds[0]))),
  'flush-in-waves': async (play) => play.end(await play.run(await play.plan())),
  'another-digest': async (play) => {
    const [plan, other] = [await play.plan(play.fleet.tenantIds[0]), await play.plan(play.fleet.tenantIds[0])];
    await play.end(await play.run(plan, other.digest));
  },
  'second-person-missing': async (play) => {
    const [tenantId] = play.fleet.tenantIds as [string];
    const setLimit = (flows: number | null) => play.fleet.operator.call(routes.updateLimits, { params: { id: tenantId }, body: { flows } });
    await setLimit(1);
    await play.end(await play.run(await play.plan(tenantId)));
    await setLimit(null);
  },
  'cancelled-while-away': async (play) => {
    const plan = await play.plan(play.fleet.tenantIds[0]);
    await play.whileAgentsAreAway(async () => {
      const flushId = await play.run(plan);
      if (flushId !== undefined) await play.fleet.operator.call(routes.cancelFlush, { params: { id: flushId } });
    });
    await play.end(await play.run(await play.plan(play.fleet.tenantIds[0])));
  },
  'three-wait-for-a-gateway': async (play) => {
    const plans = [
      await play.plan(play.fleet.tenantIds[0]),
      await play.plan(play.fleet.tenantIds[0]),
      await play.plan(play.fleet.tenantIds[0]),
    ];
    const flushIds: (string | undefined)[] = [];
    await play.whileAgentsAreAway(async () => {
      for (const plan of plans) flushIds.push(await play.run(plan));
    });
    for (const flushId of flushIds) await play.end(flushId);
  },
  'killed-while-storing-a-result': async (play) => {
    const { parts } = play.fleet;
    const plan = await play.plan(play.fleet.tenantIds[0]);
    const before = play.fleet.changes();
    const flushId = await play.run(plan);
    const fromMs = Date.now();
    await withClient(parts.databaseUrl, async (client) => {
      // No end can be recorded while somebody else holds locks on the heads of the chains.
      await client.query('BEGIN');
      await client.query('LOCK TABLE audit_head IN EXCLUSIVE MODE');
      await until('the table was changed', () => play.fleet.changes() > before);
      await delay(RESULT_MS);
      await parts.signal('whole', 'SIGKILL');
    });
    await parts.startController('whole');
    await play.fleet.untilLinked(fromMs);
    play.faults.push({ name: 'controller', fromMs, toMs: Date.now() });
    await play.end(flushId);
  },
  'gateway-cloned': async (play) => {
    await cloneGateway(play.fleet);
    await play.end(await play.run(await play.plan(play.fleet.tenantIds[0])));
  },
  'report-without-end': async (play) => {
    const plan = await play.plan(play.fleet.tenantIds[0]);
    await play.whileAgentsAreAway(() => reportWithoutEnd(play.fleet));
    await play.end(await play.run(plan));
  },
  'backup-restored': async (play) => {
    const { fleet } = play;
    const fromMs = Date.now();
    await play.end(await play.run(await play.plan()));
    await restoreBackup(fleet, async () => play.end(await play.run(await play.plan())));
    play.faults.push({ name: 'backup restored', fromMs, toMs: Date.now() });
    await play.end(await play.run(await play.plan()));
  },
  'flush-through-another': async (play) => play.withAnother(async () => play.end(await play.run(await play.plan(play.fleet.tenantIds[0])))),
  'another-dies': async (play) => play.withAnother(() => goesAway(play.fleet, ANOTHER, () => play.fleet.parts.signal(ANOTHER, 'SIGKILL'))),
  'gateways-come-back': async (play) => {
    await play.whileAgentsAreAway(() => delay(2000));
    await delay(2500);
  },
};
