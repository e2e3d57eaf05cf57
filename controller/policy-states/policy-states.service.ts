import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { COMPLIANCE, type listPolicyStates, type PolicyState as StateView } from '../../proto/http/policy-states.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { GatewayRow } from '../gateways/gateway-view.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { parseCursor, toPage } from '../platform/cursor.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { AttachedPolicies } from '../policies/attached-policies.service.ts';
import type { AttachedPolicy } from '../policies/layers.ts';
import { reaches } from '../policies/targets.ts';
import { complianceOf, IN_ORDER, type Compliance, type Standing } from './compliance.ts';
import { PolicyStatesRepository } from './policy-states.repository.ts';
import { toStateView } from './state-view.ts';
import { WantedDigests } from './wanted-digests.service.ts';

/** Values of one gateway among others; the page of one gateway has all. */
const MAX_LISTED = 20;

type Query = z.output<NonNullable<typeof listPolicyStates.query>>;

const place = z.object({ rank: z.number().int(), name: z.string(), id: z.string() });
type Ranked = z.output<typeof place> & { standing: Standing; compliance: Compliance };

/** How gateways stand to their policies, computed at the moment of the call from what they told last. */
@Injectable()
export class PolicyStates {
  constructor(
    @Inject(PolicyStatesRepository) private readonly states: PolicyStatesRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(AttachedPolicies) private readonly attached: AttachedPolicies,
    @Inject(WantedDigests) private readonly digests: WantedDigests,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Those that need somebody first. A policy that the caller may not see reaches nothing. */
  async list(scope: TenantScope, query: Query): Promise<z.output<typeof listPolicyStates.response>> {
    const after = parseCursor(query.cursor, place);
    const { tenant, site, gateway } = query;
    const one = (id: string | undefined) => (id === undefined ? undefined : [id]);
    const rows = await this.gateways.inScope(scope, { tenants: one(tenant), sites: one(site), gateways: one(gateway) });
    const policies = await this.attached.on(rows);
    const wanted = policies.find(({ id, tenantId }) => id === query.policy && (tenantId !== null || scope === 'all'));
    const reached = query.policy === undefined ? rows : wanted ? rows.filter((row) => reaches(wanted, row)) : [];
    const ranked = await this.rank(scope, reached, policies);
    const listed = ranked.filter(({ compliance }) => query.compliance === undefined || compliance === query.compliance);
    const onPage = listed.filter((row) => !after || inOrder(row, after) > 0).slice(0, query.limit + 1);
    const toView = await this.views(scope, onPage, onPage.length > 1 ? MAX_LISTED : undefined);
    const page = toPage(onPage, query.limit, toView, ({ rank, name, id }) => ({ rank, name, id }));
    return { ...page, counts: countsOf(ranked) };
  }

  /** Throws NOT_FOUND. */
  async get(scope: TenantScope, gatewayId: string): Promise<StateView> {
    const rows = await this.gateways.inScope(scope, { gateways: [gatewayId] });
    const [row] = await this.rank(scope, rows, await this.attached.on(rows));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
    return (await this.views(scope, [row]))(row);
  }

  /** How rows are shown, with so many values of each at most. */
  private async views(scope: TenantScope, rows: readonly Ranked[], mostDrift?: number): Promise<(row: Ranked) => StateView> {
    const ids = rows.map(({ id }) => id);
    const commandIds = rows.flatMap(({ standing: { state } }) => [state?.commandId, state?.pendingCommandId].filter((id) => id != null));
    const [drift, rollouts] = await this.database.transact(
      scope,
      async (t) => [await this.states.drift(t, ids, mostDrift), await this.states.rollouts(t, commandIds)] as const,
    );
    return ({ id, standing }) => toStateView(standing, { drift: drift.get(id) ?? [], rollouts }, this.clock());
  }

  private async rank(scope: TenantScope, rows: readonly GatewayRow[], policies: readonly AttachedPolicy[]): Promise<Ranked[]> {
    const ids = rows.map(({ id }) => id);
    const [states, open] = await this.database.transact(
      scope,
      async (t) => [await this.states.states(t, ids), await this.states.open(t, ids)] as const,
    );
    const wanted = await this.digests.on(policies, rows);
    return rows
      .map((gateway, index): Ranked => {
        const { id, name } = gateway;
        const standing = { gateway, state: states.get(id), open: open.get(id) ?? 0, wanted: wanted[index] };
        const { compliance } = complianceOf(standing, this.clock());
        return { rank: IN_ORDER.indexOf(compliance), name, id, standing, compliance };
      })
      .toSorted(inOrder);
  }
}

function inOrder(a: z.output<typeof place>, b: z.output<typeof place>): number {
  const text = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
  return a.rank - b.rank || text(a.name, b.name) || text(a.id, b.id);
}

function countsOf(rows: readonly Pick<Ranked, 'compliance'>[]): Record<Compliance, number> {
  const counts = Object.fromEntries(COMPLIANCE.map((one) => [one, 0])) as Record<Compliance, number>;
  for (const { compliance } of rows) counts[compliance]++;
  return counts;
}
