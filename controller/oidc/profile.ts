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
  /** The provider says that more than one factor was proved (`amr` has `mfa`, RFC 8176). */
  hasSecondFactor: boolean;
}

/** What the claims say, of whatever shape they are: they come from outside. A claim about groups is a list of texts, or one text. */
export function readProfile(subject: string, claims: Record<string, unknown>, groupsClaim: string): Profile {
  const said = claims[groupsClaim];
  const groups = (Array.isArray(said) ? said : [said]).filter((group): group is string => typeof group === 'string');
  const email = typeof claims.email === 'string' ? claims.email.trim().toLowerCase() : '';
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
    hasSecondFactor: Array.isArray(claims.amr) && claims.amr.includes('mfa'),
  };
}

/** The roles that groups give, each once, in the order of the mapping. */
export function grantsOf(groups: readonly string[], mapping: readonly GroupRole[]): Grant[] {
  const own = new Set(groups);
  const grants = new Map<string, Grant>();
  for (const { group, role, tenantId } of mapping) if (own.has(group)) grants.set(`${role} ${tenantId}`, { role, tenantId });
  return [...grants.values()];
}
