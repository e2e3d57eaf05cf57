import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnswerPart, Query } from '../../../proto/gen/ctfleet/v1/link.ts';
import { routes } from '../../../proto/http/routes.ts';
import type { SearchEvent } from '../../../proto/http/flows.ts';
import type { Flow } from '../../../proto/model/flow.ts';
import { eventsOf } from '../../../client/events.ts';
import { Client } from '../../../client/client.ts';
import { signIn } from '../../../client/sign-in.ts';
import { toWireFlow } from '../../../proto/wire/flow.ts';
import { enrol, FakeAgent, makeFlows } from '../../support/controller-fake-agent.ts';
import { makePlace, PASSWORD, startWithOwner, type Person, type TestController } from '../../support/controller-fleet.ts';
import type { TestDatabases } from '../../support/database.ts';

type Answering = (query: Query) => Iterable<AnswerPart['part']> | undefined;

let postgres: TestDatabases;
let controller: TestController;
let owner: Person;
let client: Client;
const agents: FakeAgent[] = [];
const honest: Answering[] = [];
/** What each gateway was asked, in order. */
const asked: { gateway: number; limit: number; keys: number; withFacets: boolean; maxAgeMs: number }[] = [];
const GATEWAYS = 7;
const DEADLINE_MS = 2500;
const sort = { field: 'timeout' } as const;

beforeAll(async () => {
  ({ postgres, controller, owner } = await startWithOwner({
    CTFLEET_SEARCH_DEADLINE_MS: String(DEADLINE_MS),
    CTFLEET_QUESTIONS_AT_ONCE: '3',
  }));
  client = new Client({
    origin: controller.origin,
    headers: await signIn(controller.origin, { email: 'owner@example.net', password: PASSWORD }, 'http://127.0.0.1:3000'),
  });
  for (let gateway = 0; gateway < GATEWAYS; gateway++) {
    const { joinToken } = await makePlace(owner, `Tenant ${gateway}`, `gw${gateway}`);
    const agent = new FakeAgent(await enrol(controller.enrolAddress, controller.root, joinToken));
    // The rows of gateways stand between each other, and each value is there several times.
    agent.flows = makeFlows(40, 10).map((flow, row) => ({ ...flow, timeoutSeconds: Math.floor((row * GATEWAYS + gateway) / 3) }));
    const answer = agent.onQuery;
    honest.push((query) => {
      if (query.ask?.$case === 'search') {
        const { limit, keys = 0, withFacets, maxAgeMs = 0 } = query.ask.value;
        asked.push({ gateway, limit, keys, withFacets, maxAgeMs });
      }
      return answer(query);
    });
    agent.onQuery = honest[gateway]!;
    await agent.connect(controller.linkAddress);
    agents.push(agent);
  }
});
afterAll(async () => {
  agents.forEach((agent) => agent.disconnect());
  await controller.stop();
  await postgres.stop();
});

/** The rows of these gateways in order of their timeouts, as `gateway id`. */
function expectedOf(gateways: readonly number[]): string[] {
  return gateways
    .flatMap((gateway) => agents[gateway]!.flows.map((flow) => ({ gateway, flow })))
    .toSorted((a, b) => a.flow.timeoutSeconds! - b.flow.timeoutSeconds! || a.gateway - b.gateway || a.flow.id - b.flow.id)
    .map(({ gateway, flow }) => `gw${gateway} ${flow.id}`);
}

function namesOf(rows: readonly { gatewayId: string; id: number }[]): string[] {
  return rows.map((row) => `gw${agents.findIndex((agent) => agent.gatewayId === row.gatewayId)} ${row.id}`);
}

const all = Array.from({ length: GATEWAYS }, (_, gateway) => gateway);

/** With one gateway answering in its own way. */
async function withLiar(gateway: number, answering: Answering, act: () => Promise<void>): Promise<void> {
  agents[gateway]!.onQuery = answering;
  try {
    await act();
  } finally {
    agents[gateway]!.onQuery = honest[gateway]!;
  }
}

describe('a search in rounds', () => {
  it.each([3, 30])('reads at most ten rows for each that it shows, pages of %i', async (limit) => {
    asked.length = 0;
    const found = await owner.call(routes.searchFlows, { body: { filter: '', limit, sort } });
    expect(namesOf(found.rows)).toEqual(expectedOf(all).slice(0, limit));
    expect(found.rowsRead).toBeLessThanOrEqual(10 * limit);
    expect(found.rowsRead).toBeLessThanOrEqual(asked.reduce((sum, one) => sum + one.limit, 0));
    expect(found.total).toBe(40 * GATEWAYS);
    // With more gateways than rows on the page, keys say which rows those are.
    expect(asked.slice(0, GATEWAYS).every(({ keys }) => keys > 0 === limit < GATEWAYS)).toBe(true);
  });

  it('asks for facets once, and in later rounds for no newer walk', async () => {
    asked.length = 0;
    await owner.call(routes.searchFlows, { body: { filter: '', limit: 3, sort } });
    const [first, later] = [asked.slice(0, GATEWAYS), asked.slice(GATEWAYS)];
    expect(first.every(({ withFacets, maxAgeMs }) => withFacets && maxAgeMs === 0)).toBe(true);
    expect(later.length).toBeGreaterThan(0);
    expect(later.every(({ withFacets, maxAgeMs }) => !withFacets && maxAgeMs >= 2000)).toBe(true);
  });

  it('has a cursor that stays small, and pages that show each row once, in order', async () => {
    const rows: string[] = [];
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page = await owner.call(routes.searchFlows, { body: { filter: '', limit: 45, sort, cursor } });
      rows.push(...namesOf(page.rows));
      ({ cursor } = page);
      expect(cursor?.length ?? 0).toBeLessThan(200);
    }
    expect(rows).toEqual(expectedOf(all));
  });

  it('refuses a cursor of before, which held a place for each gateway, and says so', async () => {
    const cursor = Buffer.from(JSON.stringify({ order: 'timeout false', after: { [agents[0]!.gatewayId]: [1, 2] } })).toString('base64url');
    expect(await owner.ask(routes.searchFlows, { body: { filter: '', sort, cursor } })).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', detail: expect.stringContaining('Start again without it') },
    });
  });

  it('is answered by all others where more gateways are silent than may be asked at once', async () => {
    const silent = [0, 2, 4, 6];
    silent.forEach((gateway) => (agents[gateway]!.onQuery = () => undefined));
    const found = await owner.call(routes.searchFlows, { body: { filter: '', limit: 20, sort } });
    silent.forEach((gateway) => (agents[gateway]!.onQuery = honest[gateway]!));
    expect(namesOf(found.rows)).toEqual(expectedOf([1, 3, 5]).slice(0, 20));
    expect(found.gateways.map(({ state }) => state)).toEqual(all.map((gateway) => (silent.includes(gateway) ? 'slow' : 'answered')));
  });

  it('names a gateway that falls silent in a later round, and the page is that of the others from there on', async () => {
    let rounds = 0;
    await withLiar(
      1,
      (query) => (++rounds === 1 ? honest[1]!(query) : undefined),
      async () => {
        const found = await owner.call(routes.searchFlows, { body: { filter: '', limit: 3, sort } });
        expect(found.gateways[1]).toMatchObject({ state: 'slow', total: 40 });
        expect(namesOf(found.rows).filter((row) => !row.startsWith('gw1'))).toEqual(
          expectedOf(all.filter((gateway) => gateway !== 1)).slice(0, found.rows.length),
        );
        expect(found.rows).toHaveLength(3);
      },
    );
  });
});

describe('a gateway that lies', () => {
  const flowsPart = (flows: Flow[]): AnswerPart['part'] => ({ $case: 'flows', value: { flows: flows.map(toWireFlow) } });
  const instead = (gateway: number, change: (flows: Flow[], limit: number, round: number) => Flow[]): Answering =>
    (() => {
      let round = 0;
      return (query) => {
        round += 1;
        const limit = query.ask?.$case === 'search' ? query.ask.value.limit : 0;
        const parts = [...(honest[gateway]!(query) ?? [])];
        return parts.map((part) => (part?.$case === 'flows' ? flowsPart(change(agents[gateway]!.flows, limit, round)) : part));
      };
    })();

  it.each<[string, (flows: Flow[], limit: number, round: number) => Flow[], RegExp]>([
    ['sends rows in another order', (flows, limit) => flows.slice(0, limit).toReversed(), /another order/],
    [
      'repeats its first rows in each round',
      (flows, limit) => flows.slice(0, limit).map((flow) => ({ ...flow, timeoutSeconds: 0 })),
      /again|another order/,
    ],
    ['sends more rows than it was asked for', (flows, limit) => flows.slice(0, limit + 1), /more than was asked/],
  ])('and %s is named with the reason, and spoils no row of the others', async (_, change, reason) => {
    // All first rows are said to be its own, so that it is asked again.
    const greedy = (flows: Flow[], limit: number, round: number) => change(flows, limit, round);
    await withLiar(2, instead(2, greedy), async () => {
      const found = await owner.call(routes.searchFlows, { body: { filter: '', limit: 12, sort } });
      expect(found.gateways[2]).toMatchObject({ state: 'failed', reason: expect.stringMatching(reason) });
      expect(namesOf(found.rows)).toEqual(expectedOf(all.filter((gateway) => gateway !== 2)).slice(0, 12));
      expect(found.total).toBe(40 * (GATEWAYS - 1));
    });
  });
});

describe('a search that is watched', () => {
  async function events(body: object, signal?: AbortSignal): Promise<SearchEvent[]> {
    const seen: SearchEvent[] = [];
    for await (const event of eventsOf(client, routes.watchSearch, { body, signal })) seen.push(event);
    return seen;
  }

  it('ends with the same answer as one that is not', async () => {
    const [seen, found] = [
      await events({ filter: '', limit: 20, sort }),
      await owner.call(routes.searchFlows, { body: { filter: '', limit: 20, sort } }),
    ];
    expect(seen[0]).toMatchObject({ kind: 'progress', asked: GATEWAYS });
    const last = seen.at(-1)!;
    expect(last).toMatchObject({
      kind: 'end',
      isComplete: true,
      answer: { total: found.total, cursor: found.cursor, facets: found.facets },
    });
    expect(last.kind === 'end' && namesOf(last.answer.rows)).toEqual(namesOf(found.rows));
  });

  it('has the rows of those that answered long before the end, and says that not all did', async () => {
    await withLiar(
      5,
      () => undefined,
      async () => {
        const seen = await events({ filter: '', limit: 20, sort });
        const told = seen.flatMap((event) => (event.kind === 'progress' && event.rows ? [{ ...event, rows: namesOf(event.rows) }] : []));
        const early = told.filter(({ rows }) => rows.length > 0);
        expect(early.length).toBeGreaterThan(0);
        for (const { answered, rows } of early) {
          expect(answered).toBeLessThan(GATEWAYS);
          expect(rows).toEqual(expectedOf(all.filter((gateway) => gateway !== 5)).filter((row) => rows.includes(row)));
        }
        // Rows are said again only where they have changed.
        told.slice(1).forEach(({ rows }, index) => expect(rows).not.toEqual(told[index]!.rows));
        expect(seen.at(-1)).toMatchObject({ kind: 'end', isComplete: false, answer: { total: 40 * (GATEWAYS - 1) } });
      },
    );
  });

  it('says what is wrong with the request before it begins', async () => {
    await expect(events({ filter: 'dprt:5' })).rejects.toMatchObject({ code: 'FILTER_UNPARSABLE' });
  });
});
