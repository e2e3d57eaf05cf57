/** Roles of a person or token, over all tenants or some. */
export const ROLES = ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/**
 * The one table of action by role; what is not listed is denied. `self` actions concern only the caller. HTTP, SSE, the link and the queue
 * all use it, and the console disables what it denies.
 */
export const ACTIONS = {
  'tenants.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'tenants.write': ['owner', 'admin'],
  'sites.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'sites.write': ['owner', 'admin'],
  'gateways.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'gateways.write': ['owner', 'admin'],
  'samples.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'policies.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'policies.write': ['owner', 'admin'],
  /** Putting one in force, and deciding about drift. */
  'policies.apply': ['owner', 'admin'],
  'enrolment.read': ['owner', 'admin'],
  'enrolment.write': ['owner', 'admin'],
  'flows.read': ['owner', 'admin', 'operator', 'approver'],
  'plans.read': ['owner', 'admin', 'operator', 'approver', 'auditor'],
  'plans.write': ['owner', 'admin', 'operator'],
  'plans.run': ['owner', 'admin', 'operator'],
  'flushes.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'flushes.cancel': ['owner', 'admin', 'operator'],
  'flushes.undo': ['owner', 'admin', 'operator'],
  'limits.read': ['owner', 'admin', 'operator', 'approver', 'auditor'],
  'limits.write': ['owner', 'admin'],
  'plans.approve': ['owner', 'admin', 'approver'],
  'remediations.read': ['owner', 'admin', 'operator', 'approver', 'auditor'],
  'remediations.write': ['owner', 'admin'],
  'remediations.run': ['owner', 'admin', 'operator'],
  'alerts.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  /** Acknowledging, assigning, noting and silencing. */
  'alerts.handle': ['owner', 'admin', 'operator'],
  'alert-rules.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  /** Rules, and maintenance windows. */
  'alert-rules.write': ['owner', 'admin'],
  /** Receivers, routes and on-call lists, and what was delivered. */
  'receivers.read': ['owner', 'admin', 'operator', 'auditor'],
  'receivers.write': ['owner', 'admin'],
  'audit.read': ['owner', 'admin', 'approver', 'auditor'],
  'people.read': ['owner', 'admin'],
  'people.write': ['owner', 'admin'],
  'mail.test': ['owner'],
  'authority.read': ['owner', 'admin'],
  'authority.write': ['owner'],
  'tokens.self': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'account.self': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
  'metrics.read': ['owner', 'admin', 'operator', 'auditor', 'viewer'],
  'me.read': ['owner', 'admin', 'operator', 'approver', 'auditor', 'viewer'],
} as const satisfies Record<string, readonly Role[]>;

export type Action = keyof typeof ACTIONS;

/** Those of the names that are actions: what another version stored may have others. */
export function knownActions(names: readonly string[]): Action[] {
  return (Object.keys(ACTIONS) as Action[]).filter((action) => names.includes(action));
}

/** True if the role may do the action. */
export function isAllowed(role: Role, action: Action): boolean {
  return (ACTIONS[action] as readonly Role[]).includes(role);
}

/** One grant: a role over one tenant, or over all if tenantId is null. */
export interface Grant {
  role: Role;
  tenantId: string | null;
}

/** Each grant once, from however many sources it comes. */
export function distinctGrants(grants: readonly Grant[]): Grant[] {
  return [...new Map(grants.map((grant) => [`${grant.role} ${grant.tenantId}`, grant])).values()];
}

/** The tenants in which these grants allow the action: `all`, or a possibly empty set of ids. */
export function tenantsAllowed(grants: Grant[], action: Action): 'all' | ReadonlySet<string> {
  const tenants = new Set<string>();
  for (const grant of grants) {
    if (!isAllowed(grant.role, action)) continue;
    if (grant.tenantId === null) return 'all';
    tenants.add(grant.tenantId);
  }
  return tenants;
}
