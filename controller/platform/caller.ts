import { FleetError } from '../../proto/model/error-codes.ts';
import { tenantsAllowed, type Action, type Grant } from '../../proto/model/access.ts';
import type { TenantScope } from './tenant-scope.ts';

/** The headers of a request that can identify the caller. */
export interface Credentials {
  authorization?: string;
  cookie?: string;
}

/** The caller. A token has its own grants and, as a ceiling, what its owner may do now; a service account may have only some actions. */
export interface Caller {
  kind: 'user' | 'token' | 'service-account' | 'remediation';
  /** Of the user, token, service account or remediation. */
  id: string;
  name: string;
  /** The person behind it, who is no second person for what it does. Of a service account: who was shown this secret. */
  userId: string;
  email?: string;
  grants: Grant[];
  ceiling?: Grant[];
  /** Only these of what the grants allow, and `me.read`; absent: all. */
  actions?: readonly string[];
  /** Of a person who is signed in. */
  session?: CallerSession;
}

/** The session of a person, and what it has to prove. */
export interface CallerSession {
  id: string;
  begunAtMs: number;
  hasSecondFactor: boolean;
  /** By the installation, or by a tenant in which this person has a role. */
  isSecondFactorDemanded: boolean;
  /** When it last proved a second factor. */
  provedAtMs?: number;
}

/** For how long a proof counts where a route asks for one. */
const PROOF_MS = 300_000;

export function isProofFresh(provedAtMs: number | undefined, nowMs: number): boolean {
  return provedAtMs !== undefined && nowMs - provedAtMs <= PROOF_MS;
}

/** Refuses until the session has proved a second factor; the same request works after that. */
export function proofNeeded(): FleetError {
  return new FleetError('STEP_UP_REQUIRED', 'Prove that it is you: enter a code of your authenticator app, or use your passkey.');
}

/**
 * Throws STEP_UP_REQUIRED if the caller is a person who has a second factor, or of whom one is demanded, and did not prove it within the
 * last five minutes. API tokens have nothing to prove: what only people may do is closed to them.
 */
export function assertProved({ session }: Pick<Caller, 'session'>, nowMs: number): void {
  if (session && (session.hasSecondFactor || session.isSecondFactorDemanded) && !isProofFresh(session.provedAtMs, nowMs))
    throw proofNeeded();
}

/** What a session without any second factor may be used for where one is demanded: to set one up. */
const OF_THE_ACCOUNT: readonly Action[] = ['account.self', 'me.read'];

/**
 * Why the caller may do nothing yet: the session of a person who has a second factor has never proved it, or one is demanded and the person
 * has none. Undefined for whoever may.
 */
export function whyNotAdmitted({ session }: Pick<Caller, 'session'>, action: Action): FleetError | undefined {
  if (!session || session.provedAtMs !== undefined) return undefined;
  if (session.hasSecondFactor) return proofNeeded();
  if (!session.isSecondFactorDemanded || OF_THE_ACCOUNT.includes(action)) return undefined;
  return new FleetError('MFA_REQUIRED', 'A second factor is demanded of you. Set one up under My account, then go on.');
}

/** The tenants in which the caller may do the action. */
export function scopeOf(caller: Pick<Caller, 'grants' | 'ceiling' | 'actions'>, action: Action): TenantScope {
  if (caller.actions && !caller.actions.includes(action) && action !== 'me.read') return new Set();
  const own = tenantsAllowed(caller.grants, action);
  return caller.ceiling ? intersect(own, tenantsAllowed(caller.ceiling, action)) : own;
}

/** The intersection of both scopes. */
export function intersect(a: TenantScope, b: TenantScope): TenantScope {
  if (a === 'all') return b;
  if (b === 'all') return a;
  return new Set([...a].filter((id) => b.has(id)));
}

/** True if the scope is empty. */
export function isNone(scope: TenantScope): boolean {
  return scope !== 'all' && scope.size === 0;
}
