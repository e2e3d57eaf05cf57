import type { ClientWritableStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { AnswerHead, AnswerPart, LinkClient, PlanQuery, Query, SearchQuery } from '../../proto/gen/ctfleet/v1/link.ts';
import type { PolicyPlanQuery } from '../../proto/gen/ctfleet/v1/policy.ts';
import { toWireRefused } from '../../proto/wire/block.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow as WireFlow } from '../../proto/gen/ctfleet/v1/flow.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { fromWireFilter } from '../../proto/wire/filter.ts';
import { SORT_FIELDS, sortValue, type Sort, type SortField } from '../../proto/model/sort.ts';
import { toWireSortKey } from '../../proto/wire/sort-key.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import { fromWireAskedPacket, toWireExplanation } from '../../proto/wire/policy.ts';
import type { Clock } from '../time/clock.ts';
import type { ControllerClock } from '../time/controller-clock.ts';
import type { ConntrackTable, FlowContext } from '../conntrack/table.ts';
import type { Blocks } from '../firewall/tables/blocks.ts';
import { freezePlan } from '../operations/freeze-plan.ts';
import type { Guard } from '../operations/local-guard.ts';
import type { PlanStore } from '../operations/plan-store.ts';
import type { PolicyPlanning } from '../policies/effects/policy-planning.ts';
import type { Policies } from '../policies/reading/policies.ts';
import { endListed, listExpectations } from './expectation-answers.ts';
import { wirePolicyWithin } from './policy-answer.ts';
import { answerPolicyPlan } from './policy-plan-answer.ts';
import { Turns } from './turns.ts';

/** Rows in one message, far below 256 KiB. */
const ROWS = 500;
/** Queries answered side by side; more wait their turn within their deadline. */
const AT_ONCE = 4;
/** Plans frozen at a time: each is written while the table is walked. */
const FREEZES_AT_ONCE = 1;
/** Readings of what is set, and of rules, at a time: each has a thread of its own. */
const READINGS_AT_ONCE = 1;
/** Queries that wait; more are refused at once. */
const MAX_WAITING = 32;
/** Queries of one session, those that wait or are refused too. A controller that asks more is not answered: each costs a stream. */
const MAX_QUERIES = 64;
/** What a query may ask for, whatever the controller says. */
const MAX_DEADLINE_MS = 120_000;
const MAX_ID = 64;
const MAX_ROWS = 10_000;
const MAX_KEYS = 1000;
const MAX_AGE_MS = 600_000;

export interface QueryDependencies {
  table: ConntrackTable;
  plans: PlanStore;
  /** True for a plan that a command needs. */
  isPlanInUse: (planId: string) => boolean;
  /** Absent where packets cannot be refused. */
  blocks?: Blocks;
  policies: Policies;
  guard: Guard;
  planning: PolicyPlanning;
  clock: Clock;
  context: () => FlowContext;
  controllerClock: ControllerClock;
  log: Logger;
}

/** Answers the controller's queries of one session, each on a stream of its own. */
export class Queries {
  readonly #deps: QueryDependencies;
  readonly #client: LinkClient;
  readonly #running = new Map<string, AbortController>();
  readonly #turns = new Turns(AT_ONCE);
  /** Taken before a turn, so that what waits for these keeps no search from its own. */
  readonly #freezes = new Turns(FREEZES_AT_ONCE);
  readonly #readings = new Turns(READINGS_AT_ONCE);

  /** @param ended aborts with the session, and all its queries with it */
  constructor(client: LinkClient, deps: QueryDependencies, ended: AbortSignal) {
    this.#client = client;
    this.#deps = deps;
    ended.addEventListener('abort', () => this.#cancelAll(), { once: true });
  }

  async answer(query: Query): Promise<void> {
    if (this.#running.size >= MAX_QUERIES || this.#running.has(query.id) || query.id.length > MAX_ID) {
      this.#deps.log.warn(
        { running: this.#running.size },
        'a query was passed over: too many wait, it was asked twice, or its id is not one',
      );
      return;
    }
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(Math.min(query.deadlineMs, MAX_DEADLINE_MS))]);
    const answer = async (): Promise<void> => {
      if (!signal.aborted) await this.#answerOn(new AnswerStream(this.#client, query.id, signal), query, signal);
    };
    this.#running.set(query.id, abort);
    try {
      const before = this.#before(query);
      if (this.#turns.waiting + this.#freezes.waiting + this.#readings.waiting >= MAX_WAITING) await this.#refuse(query, signal);
      else if (before) await before.take(() => this.#turns.take(answer, signal), signal);
      else await this.#turns.take(answer, signal);
    } catch (error) {
      this.#deps.log.debug({ err: error, query: query.id }, 'an answer was not wanted to its end');
    } finally {
      this.#running.delete(query.id);
    }
  }

  /** The turns of its own kind that a query waits for first. */
  #before({ ask }: Query): Turns | undefined {
    if (ask?.$case === 'plan') return this.#freezes;
    return ask?.$case === 'policy' || ask?.$case === 'policyPlan' || ask?.$case === 'tracking' ? this.#readings : undefined;
  }

  async #refuse(query: Query, signal: AbortSignal): Promise<void> {
    const stream = new AnswerStream(this.#client, query.id, signal);
    await stream.write({
      $case: 'failure',
      value: { code: 'RATE_LIMITED', detail: `${MAX_WAITING} queries wait at this gateway already; ask again in a moment.` },
    });
    await stream.end();
  }

  cancel(id: string): void {
    this.#running.get(id)?.abort();
  }

  #cancelAll(): void {
    for (const abort of this.#running.values()) abort.abort();
  }

  async #answerOn(stream: AnswerStream, { ask }: Query, signal: AbortSignal): Promise<void> {
    try {
      switch (ask?.$case) {
        case 'search':
          await this.#search(stream, ask.value, signal);
          break;
        case 'plan':
          await this.#plan(stream, ask.value, signal);
          break;
        case 'policy':
          await this.#reading(stream, { policy: wirePolicyWithin(await this.#deps.policies.read(signal)) });
          break;
        case 'tracking': {
          const packet = fromWireAskedPacket(ask.value);
          await this.#reading(stream, { explanation: toWireExplanation(await this.#deps.policies.explain(packet, signal)) });
          break;
        }
        case 'policyPlan':
          await this.#policyPlan(stream, ask.value, signal);
          break;
        case 'expectations':
          await this.#reading(stream, { expectations: await listExpectations(this.#deps, ask.value) });
          break;
        case 'endExpectations':
          await this.#reading(stream, { expectationsEnded: await endListed(this.#deps, ask.value, signal) });
          break;
        case undefined:
          throw new FleetError('CAPABILITY_MISSING', 'This agent does not support that query.');
      }
    } catch (error) {
      if (signal.aborted) return stream.cancel();
      if (!(error instanceof FleetError)) this.#deps.log.error({ err: error }, 'a query could not be answered');
      await stream.write({
        $case: 'failure',
        value: { code: error instanceof FleetError ? error.code : 'INTERNAL', detail: (error as Error).message },
      });
    }
    await stream.end();
  }

  async #search(stream: AnswerStream, query: SearchQuery, signal: AbortSignal): Promise<void> {
    const { table, context, clock, controllerClock } = this.#deps;
    const askedAtMs = clock.now();
    const maxAgeMs = Math.min(query.maxAgeMs ?? 0, MAX_AGE_MS);
    const sort = sortOf(query);
    const keys = Math.min(query.keys ?? 0, MAX_KEYS);
    const answer = await table.search({
      filter: fromWireFilter(query.filter),
      context: context(),
      sort,
      limit: Math.min(Math.max(query.limit, keys), MAX_ROWS),
      withFacets: query.withFacets,
      maxAgeMs,
      signal,
      // No id is below 0.
      after: query.after && { value: query.after.value?.value, id: query.withAfterValue ? -1 : query.after.id },
    });
    // The table's own clock may be set; how old an answer can be is known in any case.
    const ageMs = Math.min(Math.max(0, clock.now() - answer.snapshotAtMs), maxAgeMs + clock.now() - askedAtMs);
    await stream.write({
      $case: 'head',
      value: {
        snapshotAtMs: BigInt(Math.round(controllerClock.now() - ageMs)),
        total: BigInt(answer.total),
        tableCount: BigInt(answer.tableCount),
        facets: answer.facets.map(({ field, values }) => ({
          field,
          values: values.map(({ value, flows }) => ({ value, flows: BigInt(flows) })),
        })),
        impact: undefined,
        explain: answer.explain,
        refused: undefined,
        spared: [],
        keys: { keys: answer.rows.slice(0, keys).map((row) => toWireSortKey({ value: sortValue(row, sort?.field ?? 'id'), id: row.id })) },
      },
    });
    await stream.writeRows(answer.rows.slice(0, query.limit));
  }

  async #policyPlan(stream: AnswerStream, { document, maxFlows }: PolicyPlanQuery, signal: AbortSignal): Promise<void> {
    const { planning, controllerClock } = this.#deps;
    const { rows, total, tableCount, ...told } = await answerPolicyPlan(planning, document, Math.min(maxFlows, MAX_ROWS), signal);
    const snapshotAtMs = BigInt(Math.round(controllerClock.now()));
    const rest = { facets: [], impact: undefined, explain: [], refused: undefined, spared: [] };
    await stream.write({
      $case: 'head',
      value: { snapshotAtMs, total: BigInt(total), tableCount: BigInt(tableCount), ...rest, ...told },
    });
    await stream.writeRows(rows);
  }

  /** An answer without rows. */
  async #reading(stream: AnswerStream, answer: Partial<AnswerHead>): Promise<void> {
    const snapshotAtMs = BigInt(Math.round(this.#deps.controllerClock.now()));
    const rest = { total: 0n, tableCount: 0n, facets: [], impact: undefined, explain: [], refused: undefined, spared: [] };
    await stream.write({ $case: 'head', value: { snapshotAtMs, ...rest, ...answer } });
    await stream.write({ $case: 'end', value: { rows: 0, digest: Buffer.alloc(0) } });
  }

  async #plan(stream: AnswerStream, query: PlanQuery, signal: AbortSignal): Promise<void> {
    const snapshotAtMs = this.#deps.controllerClock.now();
    const { flows, digest, tableCount, impact, refused, spared } = await freezePlan(
      this.#deps,
      {
        planId: query.planId,
        filter: fromWireFilter(query.filter),
        method: query.method,
        forSeconds: query.forSeconds,
        expiresAtMs: Number(query.expiresAtMs),
        maxFlows: query.maxFlows,
      },
      snapshotAtMs,
      async (batch) => {
        for (let start = 0; start < batch.length; start += ROWS) await stream.writeFlows(batch.slice(start, start + ROWS));
      },
      signal,
    );
    await stream.write({
      $case: 'head',
      value: {
        snapshotAtMs: BigInt(snapshotAtMs),
        total: BigInt(flows),
        tableCount: BigInt(tableCount),
        facets: [],
        impact,
        explain: [],
        refused: refused && toWireRefused(refused),
        spared,
      },
    });
    await stream.write({ $case: 'end', value: { rows: flows, digest } });
  }
}

function sortOf({ sort, descending }: SearchQuery): Sort | undefined {
  if (sort === '') return undefined;
  if ((SORT_FIELDS as readonly string[]).includes(sort)) return { field: sort as SortField, descending };
  throw new FleetError('CAPABILITY_MISSING', `This agent cannot order by ${sort}.`);
}

/** One Link.Answer call; waits when the stream is full. */
class AnswerStream {
  readonly #call: ClientWritableStream<AnswerPart>;
  readonly #queryId: string;
  readonly #finished: Promise<void>;
  readonly #signal: AbortSignal;

  constructor(client: LinkClient, queryId: string, signal: AbortSignal) {
    this.#queryId = queryId;
    this.#signal = signal;
    let settle: (error?: Error) => void = () => undefined;
    this.#finished = new Promise((resolve, reject) => (settle = (error) => (error ? reject(error) : resolve())));
    this.#finished.catch(() => undefined);
    this.#call = client.answer((error) => settle(error ?? undefined));
    this.#call.on('error', () => undefined);
  }

  async write(part: AnswerPart['part']): Promise<void> {
    if (this.#signal.aborted) throw new FleetError('CANCELLED', 'The request was cancelled.');
    if (this.#call.write({ queryId: this.#queryId, part })) return;
    await Promise.race([new Promise((resolve) => this.#call.once('drain', resolve)), this.#finished, aborted(this.#signal)]);
  }

  /** All rows, and the end of the answer. */
  async writeRows(rows: Flow[]): Promise<void> {
    for (let start = 0; start < rows.length; start += ROWS) await this.writeFlows(rows.slice(start, start + ROWS).map(toWireFlow));
    await this.write({ $case: 'end', value: { rows: rows.length, digest: Buffer.alloc(0) } });
  }

  writeFlows(flows: WireFlow[]): Promise<void> {
    return this.write({ $case: 'flows', value: { flows } });
  }

  async end(): Promise<void> {
    this.#call.end();
    await Promise.race([this.#finished, aborted(this.#signal)]);
    if (this.#signal.aborted) this.cancel();
  }

  cancel(): void {
    this.#call.cancel();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
