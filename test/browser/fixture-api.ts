import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';
import type { AuthorityView } from '../../proto/http/authority.ts';
import type { Block } from '../../proto/http/blocks.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import type { ExpectationView } from '../../proto/http/expectations.ts';
import type { Flush, flushTarget } from '../../proto/http/flushes.ts';
import type { FlowRow, SearchEvent } from '../../proto/http/flows.ts';
import type { MailView } from '../../proto/http/mail.ts';
import type { person } from '../../proto/http/people.ts';
import type { provider } from '../../proto/http/providers.ts';
import type { createPlanRequest, Plan } from '../../proto/http/plans.ts';
import type { Route } from '../../proto/http/route.ts';
import { routes } from '../../proto/http/routes.ts';
import { addTotals, emptyTotals } from '../../controller/plans/outcomes.ts';
import { toWaves, waveSizes } from '../../controller/plans/waves.ts';
import { refusedBy } from '../../proto/model/block/of-filter.ts';
import { describeCondition, describeRefused } from '../../proto/model/block/words.ts';
import { ERROR_CODES, FleetError } from '../../proto/model/error-codes.ts';
import type { Flow } from '../../proto/model/flow.ts';
import { evaluateFilter } from '../../proto/model/filter/evaluate.ts';
import type { FlowFilter } from '../../proto/model/filter/filter.ts';
import { formatFilter } from '../../proto/model/filter/format.ts';
import { parseFilter } from '../../proto/model/filter/parse.ts';
import { protocolNumber } from '../../proto/model/protocol.ts';
import { serviceOf } from '../../proto/model/services.ts';
import { IPS } from '../../proto/model/status.ts';
import { fixtureRemediations, remediationAnswers } from './fixture-remediations.ts';
import { EXPECTATIONS, fixtureExpectations } from './fixture-expectations.ts';
import { fixtureExplanation, fixturePolicy } from './fixture-policies.ts';
import { FixturePolicyRollouts } from './fixture/policy-rollouts.ts';
import { FixtureAlerts, fixtureWanEvent } from './fixture/alerts.ts';
import { FixturePolicyStates } from './fixture/policy-states.ts';
import { FixtureGroups } from './fixture-groups.ts';
import { FixtureOverview } from './fixture-overview.ts';
import { FixtureRollouts } from './fixture-rollouts.ts';
import { FixtureSavedPolicies } from './fixture-saved-policies.ts';
import { FixtureServiceAccounts } from './fixture-service-accounts.ts';
import { fixtureAuthority } from './fixture-authority.ts';
import {
  fixtureAudit,
  fixtureFlows,
  fixtureGateways,
  fixturePeople,
  fixtureRetention,
  fixtureSamples,
  fixtureSites,
  fixtureTenants,
  id,
} from './fixture-fleet.ts';

export interface FixtureApi {
  url: string;
  role: string;
  person: string;
  providers: z.output<typeof provider>[];
  isDown: boolean;
  isAuditBroken: boolean;
  /** Searches show a part of their rows until this resolves. */
  slowSearch: Promise<void> | undefined;
  needsSecondPerson: boolean;
  /** Changes may have been missed: what is shown is the last that was known. */
  isOld: boolean;
  gateways: Gateway[];
  flushes: Flush[];
  remediations: ReturnType<typeof fixtureRemediations>;
  rollouts: FixtureRollouts;
  /** When certificates of the authority end. */
  ends: AuthorityView['ends'];
  mail: MailView;
  serviceAccounts: FixtureServiceAccounts;
  savedPolicies: FixtureSavedPolicies;
  /** What helpers of every gateway expect. */
  expectations: readonly ExpectationView[];
  policyRollouts: FixturePolicyRollouts;
  policyStates: FixturePolicyStates;
  alerts: FixtureAlerts;
  groups: FixtureGroups;
  /** The entries that each page of a list names as impossible to show. */
  unreadable: { id: string; reason: string }[];
  /** When retention dropped the flows of every plan. */
  droppedAt: string | undefined;
  close(): Promise<void>;
}

export interface Ask {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: unknown;
}

export interface FixtureSettings {
  flowsPerGateway?: number;
  port?: number;
  /** Accepts every call and answers none. */
  isSilent?: boolean;
}

const PASSWORD = 'correct horse';
type Person = z.output<typeof person>;

/**
 * A controller for browser tests: every answer is parsed by the actual schema of its route, so that it cannot drift from the contract, and
 * filters are read and evaluated by the contract's own code. Signs in anyone with the password "correct horse"; refuses after five wrong
 * attempts.
 */
export async function startFixtureApi({ flowsPerGateway = 40, port = 0, isSilent = false }: FixtureSettings = {}): Promise<FixtureApi> {
  const nowMs = Date.now();
  const inYears = (years: number) => new Date(nowMs + years * 365 * 86_400_000).toISOString();
  const gateways = fixtureGateways(nowMs);
  for (const gateway of gateways) if (gateway.name === 'milano-gw1') gateway.wanEvents = [fixtureWanEvent(nowMs, gateway)];
  const flows = new Map(gateways.map((gateway) => [gateway.id, fixtureFlows(nowMs, gateway, flowsPerGateway)]));
  const plans = new Map<string, { plan: Plan; flows: FlowRow[] }>();
  const flushes: Flush[] = [];
  const blocks: Block[] = [];
  const people = fixturePeople(nowMs);
  const savedPolicies = new FixtureSavedPolicies(nowMs, gateways, (gatewayId) => flows.get(gatewayId)!);
  const api: FixtureApi = {
    url: '',
    role: 'owner',
    person: 'night desk',
    providers: [],
    isDown: false,
    isAuditBroken: false,
    needsSecondPerson: false,
    gateways,
    flushes,
    unreadable: [],
    isOld: false,
    droppedAt: undefined,
    slowSearch: undefined,
    remediations: fixtureRemediations(nowMs, gateways),
    rollouts: new FixtureRollouts(nowMs),
    ends: [{ kind: 'intermediate', name: 'CN=ctfleet intermediate 1', endsAt: inYears(1), isReplacedByItself: true }],
    mail: { isSet: false },
    serviceAccounts: new FixtureServiceAccounts(nowMs),
    savedPolicies,
    policyRollouts: new FixturePolicyRollouts(nowMs, gateways, savedPolicies, (): string => api.person),
    policyStates: new FixturePolicyStates(nowMs, gateways),
    alerts: new FixtureAlerts(nowMs, gateways, (): string => api.person),
    expectations: EXPECTATIONS,
    groups: new FixtureGroups(nowMs, people),
    close,
  };
  const fleet = new FixtureOverview(gateways, api);
  const madeLink = () => ({
    isMailed: false,
    link: 'https://ctfleet.example.net/welcome#ctfl_secret',
    expiresAt: new Date(nowMs + 72 * 3_600_000).toISOString(),
  });
  const ago = (hours: number) => new Date(nowMs - hours * 3_600_000).toISOString();
  const findPerson = (wanted: string | undefined) => {
    const found = people.find((one) => one.id === wanted);
    if (!found) throw new FleetError('NOT_FOUND', 'There is no such person.');
    return found;
  };
  const findProvider = (wanted: string | undefined) => {
    const found = api.providers.find((one) => one.id === wanted);
    if (!found) throw new FleetError('NOT_FOUND', 'There is no such provider.');
    return found;
  };
  let wrongTries = 0;
  let madeTokens = 0;

  const page = <T>(items: T[], { cursor, limit }: Record<string, unknown>) => {
    const start = Number(cursor ?? 0);
    const end = start + Number(limit);
    return {
      items: items.slice(start, end),
      ...(api.unreadable.length > 0 && { unreadable: api.unreadable }),
      ...(end < items.length && { cursor: String(end) }),
    };
  };
  const inScope = (scope: { tenants?: string[]; sites?: string[]; gateways?: string[] }) =>
    gateways.filter(
      (gateway) =>
        (scope.tenants?.includes(gateway.tenantId) ?? true) &&
        (scope.sites?.includes(gateway.siteId) ?? true) &&
        (scope.gateways?.includes(gateway.id) ?? true),
    );
  const matching = (text: string, gatewayIds: string[]) => {
    const parsed = parseFilter(text);
    if ('problem' in parsed)
      throw new FleetError('FILTER_UNPARSABLE', parsed.problem.message, {
        span: { start: parsed.problem.start, end: parsed.problem.end },
        suggestion: parsed.problem.suggestion,
      });
    return {
      filter: formatFilter(parsed.filter),
      rows: gatewayIds.flatMap((gatewayId) =>
        flows.get(gatewayId)!.filter((row) => evaluateFilter(withoutFleetTerms(parsed.filter), toFlow(row), nowMs)),
      ),
    };
  };

  const answers: Partial<Record<keyof typeof routes, (ask: Ask) => unknown>> = {
    getMe: () => ({
      kind: 'user',
      id: id(9, 1),
      name: api.person,
      email: 'night@example.net',
      grants: [{ role: api.role, tenantId: null }],
      version: '0.1.0',
    }),
    getAccount: () => ({
      id: id(9, 1),
      name: api.person,
      email: 'night@example.net',
      grants: [{ role: api.role, tenantId: null }],
      hasPassword: true,
      hasTotp: false,
      passkeys: [],
      passkeyRefusal: 'Browsers allow passkeys only at a name.',
      isSecondFactorDemanded: false,
      sessions: [{ id: id(9, 950), isThis: true, address: '203.0.113.9', createdAt: ago(1), expiresAt: ago(-11) }],
    }),
    endSession: () => undefined,
    endOtherSessions: () => ({ ended: 0 }),
    listTenants: ({ query }) => page(fixtureTenants(nowMs), query),
    listSites: ({ query }) => page(fixtureSites(nowMs), query),
    listGateways: ({ query }) => fleet.list(query as Parameters<typeof fleet.list>[0]),
    getNeighbours: ({ params, query }) => fleet.neighbours(params.id!, query),
    getOverview: ({ query }) => fleet.overview(query),
    getGateway: ({ params }) => find(gateways, params.id),
    reinstateGateway: ({ params }) =>
      Object.assign(find(gateways, params.id), { state: 'offline', setAsideReason: undefined, since: new Date().toISOString() }),
    revokeGateway: ({ params }) =>
      Object.assign(find(gateways, params.id), { state: 'revoked', setAsideReason: undefined, since: new Date().toISOString() }),
    ...fixtureAuthority(nowMs, () => api.ends),
    getRetention: () => fixtureRetention(),
    listSamples: ({ params, query }) =>
      fixtureSamples(nowMs, find(gateways, params.id), Date.parse(String(query.from)), Date.parse(String(query.to)), Number(query.points)),
    getGatewayPolicy: ({ params }) => fixturePolicy(find(gateways, params.id), api.savedPolicies.effective()),
    listExpectations: ({ params }) => fixtureExpectations(find(gateways, params.id), api.expectations),
    deleteExpectations: ({ params, body }) => {
      const { items } = routes.deleteExpectations.body.parse(body);
      const ids = new Set(items.map(({ id: one }) => one));
      const left = api.expectations.filter((one) => !ids.has(one.id));
      const deleted = api.expectations.length - left.length;
      api.expectations = left;
      return { gatewayId: params.id!, state: 'answered', deleted, gone: items.length - deleted, failed: 0 };
    },
    ...api.savedPolicies.answers(),
    ...api.policyRollouts.answers(page),
    ...api.policyStates.answers(page),
    ...api.alerts.answers(page),
    explainTracking: ({ params, query }) => ({
      gatewayId: params.id!,
      state: 'answered',
      explanation: fixtureExplanation(query.dport),
    }),
    searchFlows: ({ body }) => search(routes.searchFlows.body.parse(body)),
    createPlan: ({ body }) => makePlan(routes.createPlan.body.parse(body)),
    approvePlan: ({ params }) =>
      api.policyRollouts.approve(params.id) ??
      Object.assign(findPlan(params.id).plan, { approval: { by: api.person, at: new Date().toISOString() } }),
    getPlan: ({ params }) => findPlan(params.id).plan,
    listPlanFlows: ({ params, query }) =>
      api.droppedAt === undefined ? page(findPlan(params.id).flows, query) : { items: [], droppedAt: api.droppedAt },
    runPlan: ({ params, body }) => runPlan(findPlan(params.id), routes.runPlan.body.parse(body).digest),
    listFlushes: ({ query }) =>
      page(
        flushes.filter(
          ({ targets, tenants }) =>
            (!query.gateway || targets.some(({ gatewayId }) => gatewayId === query.gateway)) &&
            (!query.tenant || tenants.some((tenant) => tenant.id === query.tenant)),
        ),
        query,
      ),
    getFlush: ({ params }) => find(flushes, params.id),
    listBlocks: ({ query }) => ({
      items: blocks.filter(
        ({ flushId, gatewayId }) => (!query.flush || flushId === query.flush) && (!query.gateway || gatewayId === query.gateway),
      ),
    }),
    liftBlock: ({ params }) => Object.assign(find(blocks, params.id), { state: 'lifting', liftedBy: api.person }),
    cancelFlush: ({ params }) => {
      const flush = find(flushes, params.id);
      finish(flush, 'cancelled');
      return flush;
    },
    undoFlush: ({ params }) => undo(find(flushes, params.id)),
    retryFlush: ({ params }) => {
      const flush = find(flushes, params.id);
      return makePlan(
        routes.createPlan.body.parse({
          filter: flush.filter,
          reason: flush.reason,
          scope: { gateways: flush.targets.filter(({ state }) => state === 'failed').map(({ gatewayId }) => gatewayId) },
        }),
      );
    },
    listAudit: ({ query }) =>
      page(
        fixtureAudit(nowMs, flushes).filter(
          (entry) =>
            (!query.flush || entry.flushId === query.flush) &&
            (!query.q || `${entry.summary} ${entry.ticket} ${entry.actor.name}`.includes(String(query.q))),
        ),
        query,
      ),
    verifyAudit: () => ({
      checkedAt: new Date().toISOString(),
      isIntact: !api.isAuditBroken,
      chains: [
        { chain: 'system', entries: 12, checkpoints: 1, isIntact: true },
        {
          chain: id(1, 2),
          tenantId: id(1, 2),
          tenantName: 'Pine Logistics',
          entries: api.isAuditBroken ? 37 : 48,
          checkpoints: 3,
          isIntact: !api.isAuditBroken,
          ...(api.isAuditBroken && { firstBreak: { seq: 38, id: id(7, 38), why: 'its hash is not that of what it says' } }),
        },
      ],
    }),
    listCheckpoints: () => ({
      publicKey: 'MCowBQYDK2VwAyEA'.padEnd(60, 'x'),
      keyId: 'a1'.repeat(16),
      items: [
        { chain: 'system', seq: 12, hash: 'ab'.repeat(32), at: new Date(nowMs).toISOString(), signature: 'c2ln', keyId: 'a1'.repeat(16) },
      ],
    }),
    getAuditEntry: ({ params }) => find(fixtureAudit(nowMs, flushes), params.id),
    listAuditFlows: ({ query }) =>
      page(
        flows
          .get(gateways[0]!.id)!
          .slice(1)
          .map((flow) => ({ ...flow, outcome: 'deleted' as const })),
        query,
      ),
    listPeople: ({ query }) => page(people, query),
    getMail: () => api.mail,
    testMail: () => ({ isTaken: true, answer: '250 2.0.0 taken as 4711' }),
    listProviders: () => ({ items: api.providers }),
    createProvider: ({ body }) => {
      const { clientSecret, ...own } = routes.createProvider.body.parse(body);
      const made = { ...own, id: id(9, 800 + api.providers.length), hasClientSecret: clientSecret !== undefined };
      const callback = `https://ctfleet.example/api/auth/oidc/${made.id}/callback`;
      api.providers.push({ ...made, callback, createdAt: new Date(nowMs).toISOString() });
      return api.providers.at(-1)!;
    },
    updateProvider: ({ params, body }) => {
      const { clientSecret: _, ...own } = routes.updateProvider.body.parse(body);
      return Object.assign(findProvider(params.id), own);
    },
    testProvider: () => ({}),
    removeProvider: ({ params }) => void api.providers.splice(api.providers.indexOf(findProvider(params.id)), 1),
    invitePerson: ({ body }) => {
      const { name, email, grants } = routes.invitePerson.body.parse(body);
      const own: Person = {
        id: id(9, people.length + 1),
        name,
        email,
        grants,
        directoryGrants: [],
        groupGrants: [],
        state: 'invited',
        methods: [],
        createdAt: new Date(nowMs).toISOString(),
      };
      if (api.mail.isSet) {
        people.push({
          ...own,
          mail: { state: 'failed', at: own.createdAt, reason: 'The mail server refused the address: 550 5.1.1 no such user' },
        });
        return { ...own, made: { isMailed: true } };
      }
      people.push({ ...own, link: { expiresAt: madeLink().expiresAt, createdBy: api.person } });
      return { ...own, made: madeLink() };
    },
    updatePerson: ({ params, body }) => Object.assign(findPerson(params.id), routes.updatePerson.body.parse(body)),
    suspendPerson: ({ params }) => Object.assign(findPerson(params.id), { state: 'suspended' }),
    resumePerson: ({ params }) => Object.assign(findPerson(params.id), { state: 'active' }),
    createSignInLink: madeLink,
    removeSecondFactors: ({ params }) => Object.assign(findPerson(params.id), { methods: ['password'] }),
    removePerson: ({ params }) => void people.splice(people.indexOf(findPerson(params.id)), 1),
    listTokens: ({ query }) =>
      page(
        [
          {
            id: id(8, 1),
            name: 'nightly report',
            role: 'viewer',
            tenantId: null,
            createdAt: new Date(nowMs).toISOString(),
            expiresAt: new Date(nowMs + 9e9).toISOString(),
          },
        ],
        query,
      ),
    createToken: ({ body }) => {
      const asked = routes.createToken.body.parse(body);
      return {
        id: id(8, 2 + madeTokens++),
        ...asked,
        createdAt: new Date(nowMs).toISOString(),
        expiresAt: new Date(nowMs + asked.expiresInDays * 864e5).toISOString(),
        secret: 'ctf_secret',
      };
    },
    ...remediationAnswers(api.remediations, page, (limits) => flows.get(gateways[0]!.id)!.slice(1, limits)),
    revokeToken: () => undefined,
    ...api.rollouts.answers(page),
    ...api.serviceAccounts.answers(page),
    ...api.groups.answers(page),
    listEnrolmentTokens: ({ query }) => page([], query),
    createEnrolmentToken: ({ body }) => madeToken(routes.createEnrolmentToken.body.parse(body)),
    createReenrolmentToken: ({ params }) => {
      const { siteId, name } = find(gateways, params.id);
      return { ...madeToken({ siteId, gatewayName: name }), gatewayId: params.id, isAgain: true };
    },
  };

  function search({ filter: text, scope, limit, cursor, sort, withFacets }: z.output<typeof routes.searchFlows.body>) {
    const asked = inScope(scope);
    const answered = asked.filter(({ state }) => state === 'online');
    const { filter, rows } = matching(
      text,
      answered.map((gateway) => gateway.id),
    );
    if (sort?.field === 'src') rows.sort((a, b) => a.orig.src.localeCompare(b.orig.src) * (sort.descending ? -1 : 1));
    const { items, cursor: next } = page(rows, { cursor, limit });
    return {
      rows: items,
      total: rows.length,
      filter,
      ...(next && { cursor: next }),
      facets: withFacets ? facetsOf(rows) : [],
      rowsRead: items.length,
      gateways: asked.map((gateway) =>
        gateway.state === 'online'
          ? {
              id: gateway.id,
              name: gateway.name,
              state: 'answered' as const,
              snapshotAt: new Date().toISOString(),
              total: rows.filter(({ gatewayId }) => gatewayId === gateway.id).length,
              resolved: text.includes('wan:wan1') ? { WAN1: gateway.wans[0]!.addresses[0]! } : undefined,
            }
          : { id: gateway.id, name: gateway.name, state: 'offline' as const, reason: 'offline since 09:12' },
      ),
    };
  }

  /** A search as it goes on: at once, or where a test says so row by row until it lets it end. */
  function follow(answer: ReturnType<typeof search>, emit: (event: SearchEvent) => void, end: () => void): void {
    const { total, facets, gateways } = answer;
    const answered = gateways.filter(({ state }) => state === 'answered').length;
    const finish = () => {
      emit({ kind: 'end', answer, isComplete: answered === gateways.length });
      end();
    };
    if (!api.slowSearch) return finish();
    const missing = gateways.length - answered;
    emit({
      kind: 'progress',
      asked: gateways.length,
      answered: answered - 1,
      missing,
      total: total - 1,
      facets,
      rows: answer.rows.slice(1, 6),
    });
    void api.slowSearch.then(finish);
  }

  function makePlan(asked: z.output<typeof createPlanRequest>): Plan {
    const scoped = inScope(asked.scope);
    const { filter, rows } = matching(
      asked.filter ?? '',
      scoped.filter(({ state }) => state === 'online').map((gateway) => gateway.id),
    );
    const refused = asked.method === 'block' ? refusedView(asked) : undefined;
    const chosen = rows.filter(({ protectedBy }) => !protectedBy);
    const countBy = (key: (row: FlowRow) => string) =>
      Object.fromEntries([...Map.groupBy(chosen, key)].map(([name, members]) => [name, members.length]));
    const top = (key: (row: FlowRow) => string) =>
      Object.entries(countBy(key))
        .map(([name, many]) => ({ name, flows: many }))
        .toSorted((a, b) => b.flows - a.flows)
        .slice(0, 5);
    const number = plans.size + 1;
    const active = chosen.filter(({ idleSeconds }) => idleSeconds !== undefined && idleSeconds < 10).length;
    const unknownActivity = chosen.filter(({ idleSeconds }) => idleSeconds === undefined).length;
    const touched = new Set(chosen.map(({ gatewayId }) => gatewayId));
    const ready = scoped.filter(({ id: gateway, state }) => state === 'online' && (touched.has(gateway) || refused?.conditions.length));
    const sites = new Set(scoped.filter((gateway) => touched.has(gateway.id)).map(({ siteId }) => siteId)).size;
    const plan: Plan = {
      id: id(5, number),
      state: 'ready',
      digest: `7f3a${number}`.padEnd(64, 'c'),
      createdAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 300_000).toISOString(),
      filter,
      isEverything: asked.all === true,
      method: asked.method,
      forSeconds: asked.forSeconds,
      undoForSeconds: 300,
      reason: asked.reason,
      ticket: asked.ticket,
      createdBy: api.person,
      totals: {
        flows: chosen.length,
        gateways: ready.length,
        sites,
        leftOut: scoped.filter(({ state }) => state !== 'online').length,
      },
      waves: waveSizes(toWaves(ready, true)),
      impact: {
        matched: rows.length,
        protected: rows.length - chosen.length,
        assured: chosen.filter(({ status }) => status.includes('assured')).length,
        unreplied: chosen.filter(({ status }) => status.includes('unreplied')).length,
        natted: chosen.filter(({ status }) => status.includes('snat')).length,
        active,
        idle: chosen.length - active - unknownActivity,
        unknownActivity,
        byProto: countBy(({ proto }) => proto),
        byState: countBy(({ state }) => state ?? 'none'),
        byWan: countBy(({ wan }) => wan ?? 'none'),
        topSources: top(({ orig }) => orig.src),
        topDestinations: top(({ orig }) => `${orig.dst}:${orig.dport ?? 0}`),
        protectedBy: rows.length > chosen.length ? { 'agent channel to the controller': rows.length - chosen.length } : {},
        longestLived: chosen
          .filter(({ startedAt }) => startedAt)
          .toSorted((a, b) => a.startedAt!.localeCompare(b.startedAt!))
          .slice(0, 5),
        rateBitsPerSecond: 41_000,
        predictions: predictionsOf(chosen, asked.method),
      },
      needsSignature: false,
      friction: api.needsSecondPerson
        ? 'second-person'
        : asked.all || sites > 1 || chosen.length > 1000
          ? 'type-count'
          : chosen.length <= 25 && touched.size === 1
            ? 'none'
            : 'count-in-button',
      gateways: scoped.map((gateway) => ({
        id: gateway.id,
        name: gateway.name,
        tenantId: gateway.tenantId,
        siteId: gateway.siteId,
        flows: chosen.filter(({ gatewayId }) => gatewayId === gateway.id).length,
        tableCount: gateway.usage?.count,
        state: gateway.state !== 'online' ? 'left-out' : touched.has(gateway.id) || refused?.conditions.length ? 'ready' : 'empty',
        refused: gateway.state === 'online' ? refused : undefined,
        spared: refused ? ['SSH to the gateway'] : [],
        reason: gateway.state !== 'online' ? 'offline since 08:41' : undefined,
      })),
    };
    plans.set(plan.id, { plan, flows: chosen });
    return plan;
  }

  function runPlan({ plan, flows: chosen }: { plan: Plan; flows: FlowRow[] }, digest: string) {
    if (digest !== plan.digest) throw new FleetError('PLAN_DIGEST_MISMATCH', 'The digest is not that of this plan; look at it again.');
    const totals = emptyTotals(0);
    const targets = plan.gateways
      .filter(({ state }) => state === 'ready')
      .map((gateway, index): z.output<typeof flushTarget> => ({
        gatewayId: gateway.id,
        gatewayName: gateway.name,
        wave: 1,
        state: index === 0 ? 'running' : 'waiting',
        done: index === 0 ? Math.ceil(gateway.flows / 2) : 0,
        ...(plan.method === 'block' && { blocked: { packetsRefused: '14', words: 'blocked; 14 packets refused since' } }),
        totals: { ...totals, planned: gateway.flows, deleted: index === 0 ? Math.ceil(gateway.flows / 2) : 0 },
        ...(index === 0 && { startedAt: new Date().toISOString() }),
        tableBefore: gateway.tableCount,
      }));
    const flush: Flush = {
      id: id(6, flushes.length + 1),
      planId: plan.id,
      kind: 'run',
      wave: 1,
      waves: 1,
      state: 'running',
      filter: plan.filter,
      isEverything: plan.isEverything,
      method: plan.method,
      reason: plan.reason,
      ticket: plan.ticket,
      digest: plan.digest,
      createdBy: 'night desk',
      startedAt: new Date().toISOString(),
      notAfter: new Date(Date.now() + 9e5).toISOString(),
      tenants: fixtureTenants(nowMs)
        .filter(({ id: tenantId }) => plan.gateways.some((gateway) => gateway.state === 'ready' && gateway.tenantId === tenantId))
        .map(({ id: tenantId, name }) => ({ id: tenantId, name })),
      totals: addTotals(targets.map(({ totals }) => totals)),
      targets,
      wanEventIds: api.alerts.wanEventIdsOf(plan),
    };
    flushes.unshift(flush);
    for (const { id: gatewayId, tenantId, name: gatewayName, refused, flows: own } of plan.gateways) {
      if (refused)
        blocks.push({
          id: id(9, 50 + blocks.length),
          tenantId,
          gatewayId,
          gatewayName,
          flushId: flush.id,
          refused,
          flows: own,
          since: flush.startedAt,
          until: new Date(Date.now() + refused.seconds * 1000).toISOString(),
          begunBy: flush.createdBy,
          packetsRefused: '14',
          state: 'standing',
        });
    }
    plan.state = 'run';
    plan.flushId = flush.id;
    for (const [gatewayId, members] of flows)
      flows.set(
        gatewayId,
        members.filter((row) => !chosen.includes(row)),
      );
    return { flushId: flush.id };
  }

  function undo(flush: Flush) {
    const targets = flush.targets.map((target) => ({
      ...target,
      state: 'partial' as const,
      totals: { ...target.totals, deleted: 0, restored: target.totals.deleted - 1, occupied: 1 },
      undoUntil: undefined,
    }));
    const made: Flush = {
      ...flush,
      id: id(6, flushes.length + 1),
      kind: 'undo',
      state: 'partial',
      targets,
      totals: addTotals(targets.map(({ totals }) => totals)),
      undoUntil: undefined,
      finishedAt: new Date().toISOString(),
    };
    flush.undoneBy = made.id;
    flushes.unshift(made);
    return { flushId: made.id };
  }

  const madeToken = ({ siteId, gatewayName }: { siteId: string; gatewayName: string }) => ({
    id: id(9, 1),
    tenantId: id(1, 1),
    siteId,
    gatewayName,
    state: 'live',
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + 18e5).toISOString(),
    createdBy: 'night desk',
    isAgain: false,
    token: 'ctj_secret',
    command: 'curl -fsS https://ctfleet.example.net/enrol | sh -s -- --token ctj_secret',
  });
  const find = <T extends { id: string }>(items: T[], wanted: string | undefined): T => {
    const found = items.find((item) => item.id === wanted);
    if (!found) throw new FleetError('NOT_FOUND', 'There is none of this id, or you may not see it.');
    return found;
  };
  const findPlan = (wanted: string | undefined) => {
    const found = plans.get(wanted ?? '');
    if (!found) throw new FleetError('PLAN_UNKNOWN', 'No such plan.');
    return found;
  };

  /** Streams send the current state once; a running flush advances by one gateway a second. */
  function stream(name: keyof typeof routes, ask: Ask, response: ServerResponse): void {
    const answer = name === 'watchSearch' ? search(routes.watchSearch.body.parse(ask.body)) : undefined;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const route: Route = routes[name];
    const emit = (event: unknown) => response.write(`data: ${JSON.stringify(route.response!.parse(event))}\n\n`);
    if (answer) return follow(answer, emit, () => response.end());
    const watched = fleet.watch(ask.query);
    const tick = () => {
      if (name === 'watchFleet') {
        watched().forEach(emit);
        emit({ kind: 'heartbeat', at: new Date().toISOString() });
        for (const { id: flushId, state, totals } of flushes)
          emit({ kind: 'flush', flushId, state, done: totals.deleted + totals.gone, planned: totals.planned });
        return;
      }
      if (name === 'watchPolicyRollout') {
        for (const event of api.policyRollouts.advance(ask.params.id)) emit(event);
        return;
      }
      const flush = find(flushes, ask.params.id);
      const target = flush.targets.find(({ state }) => state === 'running' || state === 'waiting');
      if (target) {
        Object.assign(target, {
          state: 'verified',
          done: target.totals.planned,
          finishedAt: new Date().toISOString(),
          startedAt: target.startedAt ?? new Date().toISOString(),
        });
        target.totals.deleted = target.totals.planned;
        flush.totals = addTotals(flush.targets.map(({ totals }) => totals));
      }
      if (target) emit({ kind: 'target', flushId: flush.id, target, totals: flush.totals, state: flush.state });
      if (!target && flush.state === 'running') {
        finish(flush, 'verified');
        emit({ kind: 'flush', flush });
      }
    };
    tick();
    const timer = setInterval(tick, 1000);
    response.on('close', () => clearInterval(timer));
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://fixture');
    if (isSilent) return;
    if (api.isDown) return void request.socket.destroy();
    if (url.pathname === '/api/auth/oidc/providers')
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ items: api.providers.map(({ id, name }) => ({ id, name })) }));
    if (url.pathname === '/api/auth/ways')
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ resetsByMail: api.mail.isSet }));
    if (url.pathname === '/api/auth/forgot-password') return void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    if (url.pathname === '/api/auth/sign-in/email') {
      const { password } = JSON.parse(await read(request)) as { password: string };
      if (wrongTries >= 5) return void response.writeHead(429, { 'retry-after': '600' }).end('{}');
      if (password !== PASSWORD) {
        wrongTries++;
        return void response.writeHead(401).end('{}');
      }
      return void response
        .writeHead(200, { 'set-cookie': 'fixture=1; Path=/; HttpOnly; SameSite=Lax', 'content-type': 'application/json' })
        .end('{}');
    }
    if (url.pathname === '/api/auth/look-at-link' || url.pathname === '/api/auth/use-link') {
      const { token } = JSON.parse(await read(request)) as { token: string };
      const invited = people.find(({ state }) => state === 'invited');
      if (token !== 'ctfl_secret' || !invited)
        return problem(response, new FleetError('LINK_REFUSED', 'This link was used. Ask for a new one.'));
      if (url.pathname === '/api/auth/use-link') Object.assign(invited, { state: 'active', link: undefined });
      const cookie = url.pathname === '/api/auth/use-link' ? { 'set-cookie': 'fixture=1; Path=/; HttpOnly; SameSite=Lax' } : {};
      return void response
        .writeHead(200, { ...cookie, 'content-type': 'application/json' })
        .end(JSON.stringify({ name: invited.name, email: invited.email, createdBy: api.person, expiresAt: madeLink().expiresAt }));
    }
    if (url.pathname === '/api/auth/sign-out')
      return void response.writeHead(200, { 'set-cookie': 'fixture=; Path=/; Max-Age=0' }).end('{}');
    if (!request.headers.cookie?.includes('fixture=1')) return problem(response, new FleetError('UNAUTHENTICATED', 'Sign in first.'));
    const found = match(request.method!, url.pathname.replace('/api/v1', ''));
    if (!found) return problem(response, new FleetError('NOT_FOUND', 'No such route.'));
    const route: Route = routes[found.name];
    const ask = {
      params: found.params,
      query: route.query?.parse(Object.fromEntries(url.searchParams)) ?? {},
      body: request.method === 'POST' || request.method === 'PATCH' ? JSON.parse((await read(request)) || 'null') : undefined,
    };
    if (route.isStream) return stream(found.name, ask, response);
    const answer = answers[found.name];
    if (!answer) return problem(response, new FleetError('INTERNAL', `The fixture does not answer ${found.name}.`));
    const result = answer(ask);
    const text = route.response ? JSON.stringify(route.response.parse(result)) : undefined;
    response.writeHead(route.status, { 'content-type': 'application/json' }).end(text);
  }

  const server: Server = createServer(
    (request, response) =>
      void handle(request, response).catch((error: unknown) =>
        problem(response, error instanceof FleetError ? error : new FleetError('INTERNAL', String(error))),
      ),
  );
  await new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return api;
}

/** What gateways would freeze for it; throws as they do for what no packet carries. */
function refusedView({
  filter = '',
  forSeconds = 60,
}: z.output<typeof createPlanRequest>): NonNullable<Plan['gateways'][number]['refused']> {
  const parsed = parseFilter(filter);
  if ('problem' in parsed) throw new FleetError('FILTER_UNPARSABLE', parsed.problem.message);
  const refused = refusedBy(withoutFleetTerms(parsed.filter), forSeconds);
  return { words: describeRefused(refused), conditions: refused.anyOf.map(describeCondition), seconds: refused.seconds };
}

function predictionsOf(rows: FlowRow[], method: Plan['method']): Plan['impact']['predictions'] {
  if (method === 'block')
    return rows.length > 0 ? [{ fate: 'breaks', flows: rows.length, why: 'its packets are refused until the block ends' }] : [];
  const tcp = rows.filter(({ proto }) => proto === 'tcp').length;
  const all: Plan['impact']['predictions'] = [
    { fate: 'reconnects', flows: rows.length - tcp, why: 'UDP, ping and tunnels go on with their next packet' },
    { fate: 'breaks', flows: tcp, why: 'the server answers with a reset, since the address is another' },
  ];
  return all.filter(({ flows }) => flows > 0);
}

function finish(flush: Flush, state: Flush['state']): void {
  flush.undoUntil = new Date(Date.now() + 290_000).toISOString();
  flush.state = state;
  flush.finishedAt = new Date().toISOString();
  for (const target of flush.targets) if (target.state === 'waiting') target.state = 'cancelled';
}

function match(method: string, path: string): { name: keyof typeof routes; params: Record<string, string> } | undefined {
  const exactFirst = Object.entries(routes).toSorted(([, a], [, b]) => Number(a.path !== path) - Number(b.path !== path));
  for (const [name, route] of exactFirst) {
    const pattern = new RegExp(`^${route.path.replace(/\{(\w+)\}/g, '(?<$1>[^/:]+)')}$`);
    const found = pattern.exec(path);
    if (route.method === method && found) return { name: name as keyof typeof routes, params: { ...found.groups } };
  }
  return undefined;
}

function facetsOf(rows: FlowRow[]) {
  const facet = (field: string, key: (row: FlowRow) => string | undefined) => ({
    field,
    values: [...Map.groupBy(rows, (row) => key(row) ?? '')]
      .filter(([value]) => value)
      .map(([value, members]) => ({ value, flows: members.length }))
      .toSorted((a, b) => b.flows - a.flows),
  });
  return [
    facet('wan', ({ wan }) => wan),
    facet('proto', ({ proto }) => proto),
    facet('state', ({ state, status }) => state ?? (status.includes('assured') ? 'assured' : status[0])),
    facet('app', ({ proto, orig }) => serviceOf(protocolNumber(proto) ?? 0, orig.dport)),
    facet('dport', ({ orig }) => orig.dport?.toString()),
    facet('status', ({ status }) => status[0]),
  ];
}

/** Fleet terms are resolved before rows are looked at; the fixture takes any as true. */
function withoutFleetTerms(filter: FlowFilter): FlowFilter {
  if (filter.kind === 'and' || filter.kind === 'or') return { ...filter, operands: filter.operands.map(withoutFleetTerms) };
  if (filter.kind === 'not') return { ...filter, operand: withoutFleetTerms(filter.operand) };
  return filter.kind === 'term' && ['tenant', 'site', 'gateway', 'tag'].includes(filter.field) ? { kind: 'everything' } : filter;
}

function toFlow(row: FlowRow): Flow {
  const bit = (word: string, mask: number) => (row.status.includes(word) ? mask : 0);
  const counters = (packets?: string, bytes?: string) =>
    packets === undefined || bytes === undefined ? undefined : { packets: BigInt(packets), bytes: BigInt(bytes) };
  return {
    ...row,
    proto: protocolNumber(row.proto)!,
    status:
      bit('replied', IPS.SEEN_REPLY) | bit('assured', IPS.ASSURED) | bit('snat', IPS.SRC_NAT) | bit('offload', IPS.OFFLOAD) | IPS.CONFIRMED,
    startedAtMs: row.startedAt ? Date.parse(row.startedAt) : undefined,
    origCounters: counters(row.origPackets, row.origBytes),
    replyCounters: counters(row.replyPackets, row.replyBytes),
    master: undefined,
  };
}

async function read(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function problem(response: ServerResponse, error: FleetError): void {
  const status = ERROR_CODES[error.code].http;
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: 'about:blank', title: error.code, status, code: error.code, detail: error.message, ...error.fields }));
}
