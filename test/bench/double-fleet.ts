import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { GatewayQueries, Answer, Asking } from '../../controller/link/gateway-queries.service.ts';
import { FlowBatch } from '../../proto/gen/ctfleet/v1/flow.ts';
import { AnswerHead, type Query, type SearchQuery } from '../../proto/gen/ctfleet/v1/link.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { compareSortKeys, sortValue, type SortField } from '../../proto/model/sort.ts';
import { digestBytes } from '../../proto/wire/digest.ts';
import { toWireFlow } from '../../proto/wire/flow.ts';
import { fromWireSortKey, toWireSortKey } from '../../proto/wire/sort-key.ts';

/** Tables that gateways share: what a filter by host finds in a table of 100,000 flows. */
const TABLES = 50;
const TABLE_COUNT = 100_000n;
const ROWS_IN_MESSAGE = 500;

/** What a double sends, encoded once for all gateways that are asked the same. */
interface Encoded {
  head: Uint8Array;
  batches: Uint8Array[];
  digest: Uint8Array;
}

/**
 * A fleet at the border of GatewayQueries: each answer is decoded as the link decodes it, and is encoded once for all that give the same,
 * so that it is the controller that is measured. `slow`: how many gateways never answer.
 */
export class DoubleFleet {
  readonly #tables: Flow[][];
  readonly #encoded = new Map<string, Encoded>();
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #slow: number;
  /** How long walks take, in milliseconds: the shortest, and what most gateways take more at most. */
  readonly #walkMs = { least: 20, more: 180 };
  questions = 0;

  constructor(gatewayIds: readonly string[], { matches, slow = 0 }: { matches: number; slow?: number }) {
    this.#numbers = new Map(gatewayIds.map((id, index) => [id, index]));
    this.#slow = slow;
    this.#tables = Array.from({ length: TABLES }, (_, table) => Array.from({ length: matches }, (__, row) => flowOf(table, row)));
  }

  readonly ask: GatewayQueries['ask'] = async (gatewayId, ask, asking) => {
    this.questions += 1;
    const number = this.#numbers.get(gatewayId)!;
    if (number < this.#slow) {
      await delay(asking.deadlineMs, undefined, { signal: asking.signal });
      throw new FleetError('GATEWAY_SLOW', 'It never answers.');
    }
    await delay(this.#walkMs.least + ((number * 7919) % this.#walkMs.more), undefined, { signal: asking.signal });
    return this.#answer(this.#tables[number % TABLES]!, number % TABLES, ask, asking);
  };

  #answer(flows: Flow[], table: number, ask: NonNullable<Query['ask']>, { onFlows }: Asking): Answer {
    const key = `${table} ${ask.$case} ${ask.$case === 'search' ? askedText(ask.value) : ''}`;
    let encoded = this.#encoded.get(key);
    if (!encoded) {
      encoded = ask.$case === 'search' ? search(flows, ask.value) : plan(flows);
      this.#encoded.set(key, encoded);
    }
    for (const batch of encoded.batches) onFlows(FlowBatch.decode(batch).flows);
    return { head: AnswerHead.decode(encoded.head), end: { rows: 0, digest: Buffer.from(encoded.digest) } };
  }
}

function askedText({ sort, descending, limit, after, withAfterValue, keys, withFacets }: SearchQuery): string {
  return JSON.stringify([sort, descending, limit, after, withAfterValue, keys, withFacets]);
}

function search(flows: Flow[], query: SearchQuery): Encoded {
  const field = (query.sort || 'id') as SortField;
  const keyOf = (flow: Flow) => ({ value: sortValue(flow, field), id: flow.id });
  const after = query.after && { ...fromWireSortKey(query.after), ...(query.withAfterValue && { id: -1 }) };
  const rows = flows
    .toSorted((a, b) => compareSortKeys(keyOf(a), keyOf(b), query.descending))
    .filter((flow) => !after || compareSortKeys(keyOf(flow), after, query.descending) > 0);
  const counted = (value: string) => ({ value, flows: BigInt(flows.length) });
  const head = AnswerHead.fromPartial({
    snapshotAtMs: BigInt(Date.now()),
    total: BigInt(flows.length),
    tableCount: TABLE_COUNT,
    facets: query.withFacets
      ? ['proto', 'state', 'wan', 'dport', 'status', 'nat'].map((name) => ({ field: name, values: ['a', 'b', 'c', 'd', 'e'].map(counted) }))
      : [],
    explain: ['answered by a double'],
    keys: { keys: rows.slice(0, query.keys ?? 0).map((flow) => toWireSortKey(keyOf(flow))) },
  });
  return { head: AnswerHead.encode(head).finish(), batches: batchesOf(rows.slice(0, query.limit)), digest: new Uint8Array() };
}

function plan(flows: Flow[]): Encoded {
  const digest = createHash('sha256');
  for (const flow of flows) digest.update(digestBytes(flow));
  const impact = {
    matched: flows.length,
    natted: flows.length,
    tableCount: TABLE_COUNT,
    byProto: { tcp: flows.length },
    idle: flows.length,
  };
  const head = AnswerHead.fromPartial({ snapshotAtMs: BigInt(Date.now()), total: BigInt(flows.length), tableCount: TABLE_COUNT, impact });
  return { head: AnswerHead.encode(head).finish(), batches: batchesOf(flows), digest: digest.digest() };
}

function batchesOf(flows: Flow[]): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let start = 0; start < flows.length; start += ROWS_IN_MESSAGE)
    batches.push(FlowBatch.encode({ flows: flows.slice(start, start + ROWS_IN_MESSAGE).map(toWireFlow) }).finish());
  return batches;
}

/** Ids look random and never repeat within a table. */
function flowOf(table: number, row: number): Flow {
  const number = table * 10_000 + row;
  return {
    family: 4,
    proto: 6,
    zone: 0,
    id: Math.imul(number + 1, 0x9e3779b1) >>> 0,
    status: 0x18e,
    state: 'ESTABLISHED',
    mark: 0,
    labels: [],
    timeoutSeconds: (number * 7919) % 432_000,
    startedAtMs: 1_700_000_000_000 + number * 1000,
    origCounters: { packets: 12n, bytes: 3456n },
    replyCounters: { packets: 10n, bytes: 65_432n },
    orig: { src: `10.7.${table}.9`, dst: '203.0.113.7', sport: 1024 + (row % 60_000), dport: 443 },
    reply: { src: '203.0.113.7', dst: '198.51.100.1', sport: 443, dport: 1024 + (row % 60_000) },
  };
}
