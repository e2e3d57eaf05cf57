import { Inject, Injectable } from '@nestjs/common';
import type { Grant } from '../../proto/model/access.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { toPrintable } from '../../proto/model/text.ts';
import { AUTH, type Auth } from '../access/auth.ts';
import { addressKey } from '../access/limit-key.ts';
import { changesOf } from '../access/may-give.ts';
import { SIGN_IN_ADDRESS } from '../access/rate-limits.ts';
import { AuditService } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import { hashSecret, isSecret, newSecret } from '../platform/secret.ts';
import { authorizationUrl, newChecks, profileFrom, ProviderError, type ProviderFault } from './oidc-client.ts';
import { grantsOf, type Profile } from './profile.ts';
import { ProvidersRepository, type ProviderRow } from './providers.repository.ts';
import { groupsOf, ProvidersService } from './providers.service.ts';

/** For a person who looks for a phone. */
const ATTEMPT_MS = 10 * 60_000;

/** Why somebody came back without being signed in; the console has a sentence for each. */
export type Refusal = ProviderFault | 'expired' | 'no-address' | 'taken' | 'suspended' | 'no-role';
/** `cookies`: of the new session. */
export type Return = { kind: 'signed-in'; next: string; cookies: string[] } | { kind: 'refused'; why: Refusal };

type Person = { id: string; name: string; suspendedAt: Date | null };
type Found = { person: Person; isNew: boolean; isLinkedNow: boolean } | { refusal: Refusal };

/**
 * The way to a provider and back. Whoever comes back is who the provider says, found by the provider's own id of them; with the roles that
 * the provider's groups give, which are replaced at every sign-in. People are added at their first sign-in, if a group gives them a role.
 */
@Injectable()
export class OidcSignInService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(ProvidersRepository) private readonly repository: ProvidersRepository,
    @Inject(ProvidersService) private readonly providers: ProvidersService,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  names(): Promise<{ id: string; name: string }[]> {
    return this.providers.names();
  }

  /**
   * Where the browser is to go, and the secret that it keeps until it is back; or a refusal if the provider does not answer. Throws
   * NOT_FOUND, RATE_LIMITED.
   */
  async begin(id: string, next: string, address: string): Promise<{ location: string; browser: string } | { refusal: Refusal }> {
    await this.limits.take(SIGN_IN_ADDRESS, addressKey(address));
    const row = await this.get(id);
    const [checks, browser] = [newChecks(), newSecret()];
    try {
      const location = await authorizationUrl(this.providers.settingsOf(row), this.providers.callbackOf(id), checks);
      const now = this.clock();
      const attempt = {
        stateHash: hashSecret(checks.state),
        providerId: id,
        browserHash: hashSecret(browser),
        nonce: checks.nonce,
        verifier: checks.verifier,
        next,
        expiresAt: new Date(now + ATTEMPT_MS),
      };
      await this.database.transact('all', (t) => this.repository.begin(t, attempt, new Date(now)));
      return { location: location.href, browser };
    } catch (error) {
      return { refusal: this.faultOf(row, error) };
    }
  }

  /** `returned`: the URL by which the browser came back; `browser`: the secret that it kept. Throws NOT_FOUND. */
  async finish(id: string, returned: URL, browser: string, headers: Headers, address: string): Promise<Return> {
    const row = await this.get(id);
    const state = returned.searchParams.get('state') ?? '';
    const attempt = await this.database.transact('all', (t) => this.repository.take(t, id, hashSecret(state), new Date(this.clock())));
    // From another browser it would sign somebody in as whoever sent them the link.
    if (!attempt || !isSecret(browser, attempt.browserHash)) return { kind: 'refused', why: 'expired' };
    const { nonce, verifier, next } = attempt;
    let profile: Profile;
    try {
      profile = await profileFrom(this.providers.settingsOf(row), returned, { state, nonce, verifier });
    } catch (error) {
      return this.refuse(row, this.faultOf(row, error), address);
    }
    const take = () => this.database.transact('all', (t) => this.take(t, row, profile, address));
    // Of two first sign-ins at once one adds the person, and the other finds it.
    const found = await take().catch((error: unknown) => (isUniqueViolation(error) ? take() : Promise.reject(error)));
    if ('refusal' in found) return this.refuse(row, found.refusal, address, profile);
    await this.limits.giveBack(SIGN_IN_ADDRESS, addressKey(address));
    // As old as it is, and never from the future.
    const { secondFactorAtMs } = profile;
    const secondFactorAt = secondFactorAtMs === undefined ? undefined : new Date(Math.min(secondFactorAtMs, this.clock()));
    const response = await this.auth.api.startSession({ body: { userId: found.userId, secondFactorAt }, headers, asResponse: true });
    return { kind: 'signed-in', next, cookies: response.headers.getSetCookie() };
  }

  /** Finds or adds the person, and gives what the groups give. What a lost group takes is taken also from whoever is refused. */
  private async take(
    t: Transaction,
    row: ProviderRow,
    profile: Profile,
    address: string,
  ): Promise<{ userId: string } | { refusal: Refusal }> {
    const grants = grantsOf(profile.groups, groupsOf(row));
    const found = await this.findPerson(t, row, profile, grants);
    if ('refusal' in found) return found;
    const { person, isNew, isLinkedNow } = found;
    const now = new Date(this.clock());
    await this.repository.lockPerson(t, person.id);
    if (isLinkedNow) await this.repository.link(t, row.id, profile.subject, person.id, now);
    const before = await this.repository.grantsOf(t, person.id, row.id);
    const { added, removed } = changesOf(before.own, grants);
    if (added.length + removed.length > 0) await this.repository.replaceGrants(t, person.id, row.id, grants, now);
    // Whoever made it may not be able to give what the groups give.
    if (isLinkedNow || added.length > 0) await this.repository.endSignInLink(t, person.id);
    const record = (action: string, what: string, detail: Record<string, unknown> = {}): void =>
      this.audit.record(t, {
        actor: { kind: 'user', id: person.id, name: person.name },
        action,
        outcome: 'ok',
        summary: `${person.name} ${what}`,
        detail: { providerId: row.id, address, ...detail },
      });
    if (isNew) record('person.joined', `was added at the first sign-in by ${row.name}`, { email: profile.email, grants });
    else if (isLinkedNow) record('person.linked', `is known by ${row.name} from now on, by the e-mail address`, { email: profile.email });
    if (!isNew && added.length + removed.length > 0)
      record('person.roles-changed', `has other roles, since the groups at ${row.name} changed`, { added, removed });
    if (person.suspendedAt) return { refusal: 'suspended' };
    if (grants.length + before.others === 0) return { refusal: 'no-role' };
    await this.repository.noteSignIn(t, person.id, now);
    record('session.signed-in', `signed in by ${row.name}`);
    return { userId: person.id };
  }

  private async findPerson(t: Transaction, row: ProviderRow, profile: Profile, grants: readonly Grant[]): Promise<Found> {
    const { email, isEmailVerified } = profile;
    // Read before the link: a person whom another sign-in adds in between is then found by the link, not taken for somebody else.
    const same = email === undefined ? undefined : await this.repository.findByEmail(t, email);
    const linked = await this.repository.findLinked(t, row.id, profile.subject);
    if (linked) return { person: linked, isNew: false, isLinkedNow: false };
    if (email === undefined) return { refusal: 'no-address' };
    // An account by which somebody could already sign in stays theirs: who invited them may know its password.
    const isFree = same && row.linksByEmail && isEmailVerified && !(await this.repository.canSignIn(t, same.id));
    if (same) return isFree ? { person: same, isNew: false, isLinkedNow: true } : { refusal: 'taken' };
    if (grants.length === 0) return { refusal: 'no-role' };
    const person = { id: newId(), name: profile.name ?? email, email };
    await this.repository.insertPerson(t, person, new Date(this.clock()));
    return { person: { ...person, suspendedAt: null }, isNew: true, isLinkedNow: true };
  }

  private async refuse(row: ProviderRow, why: Refusal, address: string, profile?: Profile): Promise<Return> {
    const name = toPrintable(profile?.email ?? profile?.name ?? 'somebody');
    this.audit.note({
      actor: { kind: 'user', id: 'unknown', name },
      action: 'session.refused',
      outcome: 'refused',
      summary: `Sign-in by ${row.name} refused for ${name}: ${why}`,
      detail: { providerId: row.id, address, why },
    });
    return { kind: 'refused', why };
  }

  private faultOf(row: ProviderRow, error: unknown): ProviderFault {
    if (!(error instanceof ProviderError)) throw error;
    this.logger.warn({ provider: row.name, fault: error.fault, err: error.message }, 'a sign-in provider could not be used');
    return error.fault;
  }

  private async get(id: string): Promise<ProviderRow> {
    const row = await this.database.transact('all', (t) => this.repository.find(t, id));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such provider.');
    return row;
  }
}
