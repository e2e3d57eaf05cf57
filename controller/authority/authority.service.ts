import { Inject, Injectable } from '@nestjs/common';
import type { AuthorityView } from '../../proto/http/authority.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { AuditService } from '../audit/audit.service.ts';
import { AuthorityRepository } from '../identity/authority.repository.ts';
import { AuthorityStore } from '../identity/authority-store.service.ts';
import { makeIntermediate, makeRoot } from '../identity/certificates.ts';
import { parseIssuer, type Issuer } from '../identity/issuers.ts';
import type { State } from '../identity/kept.ts';
import { AUTHORITY_CHANGED } from '../identity/notifications.ts';
import { follow, stepsOf, strandedBy, type Step } from '../identity/rotation.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { commonNameOf, toView } from './authority-view.ts';

/** Who takes a step: a person, or somebody at the controller's command line. */
export interface Actor {
  kind: string;
  id: string;
  name: string;
}

/** Gateways that a refusal names. */
const MAX_IN_WORDS = 10;

/** An issuer to come, with its key in the clear. `rootKey`: of a root that is new here and ours. */
interface Made extends Omit<Issuer, 'id'> {
  key: string;
  rootKey?: string;
  source: 'made' | 'company';
  words: string;
}

/** Replaces the authority in phases (identity/rotation.ts): every step is decided under the lock of its state, audited, and told to all. */
@Injectable()
export class AuthorityService {
  constructor(
    @Inject(AuthorityRepository) private readonly repository: AuthorityRepository,
    @Inject(AuthorityStore) private readonly store: AuthorityStore,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Throws FORBIDDEN for a role over some tenants only. */
  async show(scope: TenantScope): Promise<AuthorityView> {
    ofAll(scope);
    return this.database.transact('all', (t) => this.view(t));
  }

  /**
   * A new issuer that is trusted beside the current one. Throws AUTHORITY_STEP_REFUSED where the phase or a missing key does not allow
   * it.
   */
  async prepare(actor: Actor, scope: TenantScope, kind: 'root' | 'intermediate'): Promise<AuthorityView> {
    ofAll(scope);
    const { encryption } = await this.store.key();
    return this.prepareWith(actor, async (t, state, now) => {
      if (kind === 'root') {
        const root = await makeRoot(now.getTime());
        const own = { chain: '', root: root.certificate, rootKey: root.key, source: 'made' } as const;
        return { ...(await makeIntermediate(root, now.getTime())), ...own, words: 'a new root and intermediate' };
      }
      const current = (await this.repository.issuers(t)).find(({ id }) => id === state.current)!;
      if (!current.root.sealedKey) throw refused(whyNoIntermediate(current.root));
      const root = { certificate: current.root.certificate, key: encryption.open(current.root.sealedKey) };
      const own = { chain: '', root: root.certificate, source: 'made' } as const;
      return { ...(await makeIntermediate(root, now.getTime())), ...own, words: 'a new intermediate of the same root' };
    });
  }

  /** The same with an issuer made elsewhere. Throws INVALID_REQUEST that says what is wrong with its chain or key. */
  async prepareGiven(actor: Actor, chain: string, key: string): Promise<AuthorityView> {
    const given = parseIssuer(chain, key, this.clock());
    return this.prepareWith(actor, async () => ({ ...given, source: 'company', words: commonNameOf(given.certificate) }));
  }

  /**
   * Any step but `prepare`. Throws AUTHORITY_STEP_REFUSED where the phase does not have it, or where it would strand gateways that are not
   * named in `without`.
   */
  async take(actor: Actor, scope: TenantScope, step: Exclude<Step, 'prepare'>, without: readonly string[] = []): Promise<AuthorityView> {
    ofAll(scope);
    return this.database.transact('all', async (t) => {
      const state = await this.repository.lock(t);
      const followed = follow(state, step);
      if (!followed) throw wrongPhase(state, step);
      const now = new Date(this.clock());
      const left = strandedBy(followed.leaves, followed.leaves === undefined ? [] : await this.repository.gateways(t));
      const unnamed = left.filter(({ id }) => !without.includes(id));
      if (unnamed.length > 0) throw refused(whoIsMissing(unnamed));
      const before = await this.view(t);
      await this.repository.updateState(t, followed.rotation, now);
      if (followed.leaves !== undefined) await this.giveUp(t, followed.leaves, now);
      this.audit.record(t, {
        actor: asIs(actor),
        action: `authority.${WORDS[step].action}`,
        outcome: 'ok',
        summary: `${actor.name} ${WORDS[step].words}${left.length > 0 ? `, and left ${namesOf(left)} to be enrolled again` : ''}`,
        detail: {
          from: state.phase,
          to: followed.rotation.phase,
          current: followed.rotation.current,
          next: followed.rotation.next,
          gateways: Object.fromEntries(before.issuers.map(({ id, gateways }) => [id, gateways])),
          left: left.map(({ id, name }) => ({ id, name })),
          waitingTokens: followed.leaves === state.current ? before.waitingTokens : undefined,
        },
      });
      await this.notifications.send(t, AUTHORITY_CHANGED);
      return this.view(t);
    });
  }

  private async prepareWith(actor: Actor, make: (t: Transaction, state: State, now: Date) => Promise<Made>): Promise<AuthorityView> {
    const { encryption } = await this.store.key();
    return this.database.transact('all', async (t) => {
      const state = await this.repository.lock(t);
      if (!stepsOf(state.phase).includes('prepare')) throw wrongPhase(state, 'prepare');
      const now = new Date(this.clock());
      const { certificate, chain, root, key, rootKey, source, words } = await make(t, state, now);
      const issuers = await this.repository.issuers(t);
      if (issuers.some((each) => each.id === state.current && each.certificate === certificate))
        throw refused('This intermediate signs already.');
      let rootId = issuers.find((each) => each.root.certificate === root)?.rootId;
      if (rootId === undefined) {
        rootId = newId();
        const sealedKey = rootKey === undefined ? null : encryption.close(rootKey);
        await this.repository.insertRoot(t, { id: rootId, certificate: root, source, createdAt: now, sealedKey });
      }
      const id = newId();
      await this.repository.insertIssuer(t, { id, rootId, certificate, chain, createdAt: now, sealedKey: encryption.close(key) });
      await this.repository.updateState(t, follow(state, 'prepare', id)!.rotation, now);
      this.audit.record(t, {
        actor: asIs(actor),
        action: 'authority.prepared',
        outcome: 'ok',
        summary: `${actor.name} prepared another authority: ${words}`,
        detail: { current: state.current, next: id, rootId, subject: commonNameOf(certificate), source },
      });
      await this.notifications.send(t, AUTHORITY_CHANGED);
      return this.view(t);
    });
  }

  /** Forgets the key of an issuer that is no longer trusted, and that of its root if nothing else is below it. */
  private async giveUp(t: Transaction, id: string, now: Date): Promise<void> {
    await this.repository.retireIssuer(t, id, now);
    const issuers = await this.repository.issuers(t);
    const { root } = issuers.find((each) => each.id === id)!;
    if (root.sealedKey && issuers.every((each) => each.rootId !== root.id || each.retiredAt !== null))
      await this.repository.updateRoot(t, root.id, { sealedKey: null, keyRemovedAt: now });
  }

  private async view(t: Transaction): Promise<AuthorityView> {
    const kept = (await this.repository.readIn(t))!;
    const gateways = await this.repository.gateways(t);
    return toView(kept, gateways, await this.repository.waitingTokens(t, new Date(this.clock())));
  }
}

const WORDS: Readonly<Record<Exclude<Step, 'prepare'>, { action: string; words: string }>> = {
  switch: { action: 'switched', words: 'had the next authority sign' },
  retire: { action: 'retired', words: 'ended trust in the old authority' },
  back: { action: 'taken-back', words: 'took back a step of the authority’s rotation' },
};

function ofAll(scope: TenantScope): void {
  if (scope !== 'all')
    throw new FleetError('FORBIDDEN', 'The authority is everybody’s: only a role over all tenants may see or change it.');
}

/** A caller has more than an entry records. */
export const asIs = ({ kind, id, name }: Actor): Actor => ({ kind, id, name });

const refused = (why: string): FleetError => new FleetError('AUTHORITY_STEP_REFUSED', why);

function wrongPhase({ phase }: State, step: Step): FleetError {
  const possible = stepsOf(phase).join(' or ');
  return refused(`The authority is ${phase}: what can be done now is ${possible}, not ${step}.`);
}

function whyNoIntermediate({ source }: { source: string }): string {
  if (source === 'company')
    return 'The root is your company’s. Have it issue another intermediate, and run authority.js use-intermediate; or prepare a new root.';
  if (source === 'adopted') return 'The root is of a version without intermediates and allows none. Prepare a new root.';
  return 'The root’s key was removed from here. Put it back with authority.js import-root, or prepare a new root.';
}

function whoIsMissing(left: readonly { name: string }[]): string {
  const [are, they] = left.length === 1 ? ['gateway has', 'it'] : ['gateways have', 'they'];
  return (
    `${left.length} ${are} not renewed yet: ${namesOf(left)}. Wait until ${they} did; or name ${they === 'it' ? 'it' : 'them'} to go on ` +
    `without, and enrol ${they === 'it' ? 'it' : 'them'} again.`
  );
}

function namesOf(gateways: readonly { name: string }[]): string {
  const names = gateways.slice(0, MAX_IN_WORDS).map(({ name }) => name);
  const more = gateways.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}
