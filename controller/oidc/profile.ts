import type { Grant } from '../../proto/model/access.ts';
import { toPrintable } from '../../proto/model/text.ts';

const MAX_GROUPS = 1000;
const MAX_NAME = 100;

/** Whoever is in the group has the role. */
export interface GroupRole extends Grant {
  group: string;
}

/** A person as a provider names them. `subject` is the provider's own id; addresses and names may change. */
export interface Profile {
  subject: string;
  email?: string;
  isEmailVerified: boolean;
  name?: string;
  groups: string[];
  /** When more than one factor was proved, if the provider says so (`auth_time`, and `amr` with `mfa`, RFC 8176). */
  secondFactorAtMs?: number;
}

/** What the claims say, of whatever shape they are: they come from outside. A claim about groups is a list of texts, or one text. */
export function readProfile(subject: string, claims: Record<string, unknown>, groupsClaim: string): Profile {
  const said = claims[groupsClaim];
  const groups = (Array.isArray(said) ? said : [said]).filter((group): group is string => typeof group === 'string');
  const isMfa = Array.isArray(claims.amr) && claims.amr.includes('mfa');
  // Before it is lower case: some letters of other scripts become ours.
  const email = typeof claims.email === 'string' && /^[\x21-\x7e]+$/.test(claims.email) ? claims.email.toLowerCase() : '';
  const name = [claims.name, claims.preferred_username, email]
    .map((text) => (typeof text === 'string' ? toPrintable(text).trim().slice(0, MAX_NAME) : ''))
    .find((text) => text !== '');
  return {
    subject,
    // Only what is an address by any rule: it is matched with those of people here.
    email: /^[^\s@]{1,64}@[^\s@]{1,189}$/.test(email) ? email : undefined,
    isEmailVerified: claims.email_verified === true || claims.email_verified === 'true',
    name,
    groups: [...new Set(groups)].slice(0, MAX_GROUPS),
    secondFactorAtMs: isMfa && Number.isSafeInteger(claims.auth_time) ? Number(claims.auth_time) * 1000 : undefined,
  };
}

/** The roles that groups give, each once, in the order of the mapping. */
export function grantsOf(groups: readonly string[], mapping: readonly GroupRole[]): Grant[] {
  const own = new Set(groups);
  const grants = new Map<string, Grant>();
  for (const { group, role, tenantId } of mapping) if (own.has(group)) grants.set(`${role} ${tenantId}`, { role, tenantId });
  return [...grants.values()];
}
