import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { routes } from '../../proto/http/routes.ts';
import type { System } from '../../tools/demo/system.ts';
import type { LoadReport } from '../../agent/simulate/load-report.ts';
import { coreShares, costsOf, type Costs, type Program } from './fleet-cost.ts';
import type { FleetOptions } from './fleet-options.ts';
import type { FleetReport } from './fleet-report.ts';

/** How often each process of the generator says what it costs. */
export const REPORT_MS = 5_000;

/** A running system with its simulated fleet, and how it is looked at. */
export class FleetStage {
  readonly system: System;
  readonly options: FleetOptions;
  readonly report: FleetReport;
  readonly database: pg.Client;
  readonly size: string;
  #token = '';
  /** The newest report of each process of the generator. */
  readonly loads: ReadonlyMap<number, LoadReport>;

  constructor(system: System, options: FleetOptions, report: FleetReport, loads: ReadonlyMap<number, LoadReport>) {
    [this.system, this.options, this.report, this.loads] = [system, options, report, loads];
    this.database = new pg.Client({ connectionString: system.databaseUrl });
    this.size = `${options.gateways} gateways of ${options.flows} flows`;
  }

  async open(): Promise<void> {
    await this.database.connect();
    const { secret } = await this.system.api.call(routes.createToken, { body: { name: 'bench', role: 'owner', expiresInDays: 1 } });
    this.#token = secret;
  }

  close(): Promise<void> {
    return this.database.end();
  }

  /** A request as scripts make it. */
  fetch(path: string, signal?: AbortSignal): Promise<Response> {
    return fetch(`${this.system.apiUrl}${path}`, { headers: { authorization: `Bearer ${this.#token}` }, signal });
  }

  costs(): Costs {
    const { controller, servers, simulator } = this.system;
    return costsOf({ controller: controller.pid, postgres: servers.postgres, redis: servers.redis, generator: simulator?.pid });
  }

  /** What `work` returns, how long it took, and which shares of a core each program used meanwhile. */
  async measured<Value>(work: () => Promise<Value>): Promise<{ value: Value; ms: number; shares: Record<Program, number> }> {
    const [before, began] = [this.costs(), performance.now()];
    const value = await work();
    const ms = performance.now() - began;
    return { value, ms, shares: coreShares(before, this.costs(), ms) };
  }

  /** Gateways whose session is open, as the registry has it, and when the last session began. */
  async sessions(): Promise<{ open: number; newest: number }> {
    const { rows } = await this.database.query<{ open: number; newest: number }>(
      `SELECT count(*)::int AS open, coalesce(extract(epoch FROM max(connected_at)) * 1000, 0)::float8 AS newest
       FROM link_session WHERE closed_at IS NULL`,
    );
    return rows[0]!;
  }

  /** The processes that share the machine with what is measured: the average number that ran in the last minute. */
  noteLoad(): void {
    this.report.note(`load of the machine in the last minute: ${os.loadavg()[0]!.toFixed(1)} on ${os.availableParallelism()} cores`);
  }
}

/** How long requests take that come one after the other until `work` is done. */
export async function answeringMeanwhile(ask: () => Promise<unknown>, work: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let isDone = false;
  void work.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  while (!isDone) {
    const began = performance.now();
    await ask();
    times.push(performance.now() - began);
    await delay(50);
  }
  return times;
}
