import { createHash } from 'node:crypto';
import type { EffectivePolicyView, PolicyOrigin } from '../../proto/http/effective-policy.ts';
import type { Gateway } from '../../proto/http/fleet.ts';
import type { PlannedGateway, PolicyPlan } from '../../proto/http/policy-plans.ts';
import { routes } from '../../proto/http/routes.ts';
import type { ManagedBy, Policy, PolicyRevision, PolicyTarget } from '../../proto/http/saved-policies.ts';
import { differenceOf } from '../../proto/model/policy/difference.ts';
import { effectivePolicy } from '../../proto/model/policy/effective.ts';
import { readPolicy } from '../../proto/model/policy/read.ts';
import { aboutTimeout, KNOWN_TIMEOUT_KEYS, settingOf } from '../../proto/model/policy/settings.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import { warningsOf } from '../../proto/model/policy/warnings/warnings.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { FlowRow } from '../../proto/http/flows.ts';
import type { Ask } from './fixture-api.ts';
import { fixtureEffects } from './fixture/policy-effects.ts';
import { fixtureSites, fixtureTenants, id } from './fixture-fleet.ts';

const NOT_HERE = 'it is one value for the whole machine, and this gateway runs in a network namespace of its own: set it on the host.';
const yaml = (name: string, spec: string) => `apiVersion: ctfleet/v1\nkind: TrackingPolicy\nmetadata: { name: ${name} }\nspec: ${spec}\n`;

/**
 * Saved policies of the fixture: one of the installation, one of a site that a pipeline applies. Documents are read by the contract's own
 * code.
 */
export class FixtureSavedPolicies {
  readonly policies: Policy[] = [];
  readonly revisions = new Map<string, PolicyRevision[]>();
  readonly #gateways: Gateway[];
  readonly #nowMs: number;
  readonly #flowsOf: (gatewayId: string) => FlowRow[];
  /** Flows that end beyond those that a plan lists, on each gateway. */
  flowsLeft = 0;

  constructor(nowMs: number, gateways: Gateway[], flowsOf: (gatewayId: string) => FlowRow[]) {
    [this.#nowMs, this.#gateways, this.#flowsOf] = [nowMs, gateways, flowsOf];
    this.#save(undefined, { level: 'fleet' }, yaml('base', '{ profile: normal, timeouts: { icmp: 10s } }'), 'night desk');
    const [first] = this.policies;
    this.#keep(first!, yaml('base', '{ profile: normal, timeouts: { icmp: 20s }, helpers: [ftp] }'));
    const site = fixtureSites(nowMs)[0]!;
    const managedBy = { name: 'net-policies', revision: '4f2c9e1' };
    this.#save(
      site.tenantId,
      { level: 'site', siteId: site.id },
      yaml('office', '{ timeouts: { udp: { replied: 3m } } }'),
      'deploy',
      managedBy,
    );
  }

  answers(): Partial<Record<keyof typeof routes, (ask: Ask) => unknown>> {
    return {
      listPolicies: () => ({
        items: this.policies.map((policy) => ({ ...policy, document: undefined })).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      }),
      getPolicy: ({ params }) => this.#find(params.id),
      listPolicyRevisions: ({ params }) => ({ items: this.revisions.get(this.#find(params.id).id) }),
      createPolicy: ({ body }) => {
        const { tenantId, target, document } = routes.createPolicy.body.parse(body);
        return this.#save(tenantId, target, String(document), 'night desk');
      },
      updatePolicy: ({ params, body }) => {
        const { revision, document, managedBy } = routes.updatePolicy.body.parse(body);
        const policy = this.#find(params.id);
        if (policy.revision !== revision) throw new FleetError('ALREADY_EXISTS', `It is at revision ${policy.revision}.`);
        if (managedBy === null) delete policy.managedBy;
        return this.#keep(policy, document === undefined ? policy.document : String(document));
      },
      deletePolicy: ({ params }) => void this.policies.splice(this.policies.indexOf(this.#find(params.id)), 1),
      checkPolicy: ({ body }) => {
        const read = readPolicy(String(routes.checkPolicy.body.parse(body).document));
        return 'problems' in read
          ? { problems: read.problems, changes: [] }
          : { problems: [], changes: [], would: 'create', canonical: writePolicy(read.document) };
      },
      planPolicy: ({ params, body }) => this.plan(params.id!, routes.planPolicy.body.parse(body)),
      planNewPolicy: ({ body }) => this.#plan(String(routes.planNewPolicy.body.parse(body).document)),
    };
  }

  /** What `base` comes to on a gateway. */
  effective(): EffectivePolicyView {
    const origin: PolicyOrigin = { level: 'fleet', isOfInstallation: true, policyId: this.policies[0]!.id, policy: 'base' };
    const values = [
      { path: 'timeouts.tcp.established', text: '2h', origin: { ...origin, isByProfile: true as const } },
      { path: 'timeouts.icmp', text: '20s', origin },
      { path: 'helpers', text: 'ftp', origin },
    ];
    return { values, policies: [origin] };
  }

  /** What a saved policy would change, as it is or with another document. */
  plan(policyId: string, { document }: { document?: unknown }): PolicyPlan {
    return this.#plan(document === undefined ? this.#find(policyId).document : String(document));
  }

  #plan(document: string): PolicyPlan {
    const read = readPolicy(document);
    if ('problems' in read) throw new FleetError('POLICY_INVALID', 'The policy has mistakes.', { problems: read.problems });
    const effective = effectivePolicy([{ policyId: id(8, 1), level: 'fleet', document: read.document }]);
    const settings = Object.fromEntries(KNOWN_TIMEOUT_KEYS.map((key) => [settingOf(key), aboutTimeout(key)!.defaultSeconds]));
    const actual = {
      settings: { ...settings, nf_conntrack_max: 131_072, nf_conntrack_buckets: 65_536 },
      unsettable: { nf_conntrack_max: NOT_HERE },
      helpers: [{ name: 'ftp', isLoaded: true }],
    };
    const { changes, ...rest } = differenceOf(effective.values, actual);
    const origin: PolicyOrigin = { level: 'fleet', isOfInstallation: true, policy: read.document.metadata.name };
    const gateways = this.#gateways.slice(0, 4).map((gateway): PlannedGateway => {
      const named = { gatewayId: gateway.id, gatewayName: gateway.name, tenantId: gateway.tenantId, tenantName: gateway.tenantName };
      if (gateway.state !== 'online') return { ...named, state: 'offline', reason: 'offline since 2026-11-30 14:02 UTC', warnings: [] };
      const shown = changes.filter(({ verdict }) => verdict.kind !== 'unchanged').map((change) => ({ ...change, origin }));
      return {
        ...named,
        state: 'answered',
        readAt: new Date(this.#nowMs).toISOString(),
        difference: { ...rest, changes: shown, unchanged: changes.length - shown.length },
        effects: fixtureEffects(read.document, this.#flowsOf(gateway.id), this.flowsLeft),
        warnings: warningsOf(effective, actual, { count: 40_000 }),
      };
    });
    return { digest: 'd'.repeat(64), plannedAt: new Date(this.#nowMs).toISOString(), isApplied: false, gateways, unreached: 2 };
  }

  #find(wanted: string | undefined): Policy {
    const policy = this.policies.find((one) => one.id === wanted);
    if (!policy) throw new FleetError('NOT_FOUND', 'There is no such policy.');
    return policy;
  }

  #save(tenantId: string | undefined, target: PolicyTarget, text: string, by: string, managedBy?: ManagedBy): Policy {
    const at = new Date(this.#nowMs).toISOString();
    const site = fixtureSites(this.#nowMs).find((one) => 'siteId' in target && one.id === target.siteId);
    const policy: Policy = {
      id: id(8, this.policies.length + 1),
      tenantId,
      tenantName: fixtureTenants(this.#nowMs).find((one) => one.id === tenantId)?.name,
      name: '',
      target: { ...target, ...(site && { siteName: site.name }) },
      revision: 0,
      digest: '',
      document: '',
      managedBy,
      createdBy: by,
      createdAt: at,
      changedBy: by,
      changedAt: at,
      gateways: this.#gateways.filter((one) => !tenantId || one.tenantId === tenantId).length,
    };
    this.policies.push(policy);
    return this.#keep(policy, text);
  }

  #keep(policy: Policy, text: string): Policy {
    const read = readPolicy(text);
    if ('problems' in read) throw new FleetError('POLICY_INVALID', 'The policy has mistakes.', { problems: read.problems });
    const document = writePolicy(read.document);
    const digest = createHash('sha256').update(document).digest('hex');
    Object.assign(policy, { name: read.document.metadata.name, document, digest, revision: policy.revision + 1 });
    const { revision, name, changedBy, changedAt, managedBy } = policy;
    const kept = { revision, name, target: policy.target.level, digest, document, managedBy, changedBy, changedAt };
    this.revisions.set(policy.id, [kept, ...(this.revisions.get(policy.id) ?? [])]);
    return policy;
  }
}
