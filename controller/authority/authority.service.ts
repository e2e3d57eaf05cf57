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
import { endsOf, whyNoIntermediate } from './care.ts';

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
  isAutomatic?: boolean;
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

  /** When each certificate ends that the fleet depends on; from now on who is to do something about it. */
  async ends(): Promise<AuthorityView['ends']> {
    return this.database.transact('all', async (t) => (await this.view(t)).ends);
  }

  /**
   * A new issuer that is trusted beside the current one. Throws AUTHORITY_STEP_REFUSED where the phase or a missing key does not allow
   * it.
   */
  async prepare(actor: Actor, scope: TenantScope, kind: 'root' | 'intermediate'): Promise<AuthorityView> {
    ofAll(scope);
    return this.underLock(async (t, state) => {
      if (kind === 'intermediate') return this.prepareIntermediate(t, state, actor);
      const now = this.clock();
      const root = await makeRoot(now);
      const own = { chain: '', root: root.certificate, rootKey: root.key, source: 'made' } as const;
      await this.prepareWith(t, state, actor, {
        ...(await makeIntermediate(root, now)),
        ...own,
        words: 'a new root and intermediate',
      });
    });
  }

  /** The same with an issuer made elsewhere. Throws INVALID_REQUEST that says what is wrong with its chain or key. */
  async prepareGiven(actor: Actor, chain: string, key: string): Promise<AuthorityView> {
    const given = parseIssuer(chain, key, this.clock());
    const words = commonNameOf(given.certificate);
    return this.underLock((t, state) => this.prepareWith(t, state, actor, { ...given, source: 'company', words }));
  }

  /**
   * Any step but `prepare`. Throws AUTHORITY_STEP_REFUSED where the phase does not have it, or where it would strand gateways that are not
   * named in `without`.
   */
  async take(actor: Actor, scope: TenantScope, step: Exclude<Step, 'prepare'>, without: readonly string[] = []): Promise<AuthorityView> {
    ofAll(scope);
    return this.underLock((t, state) => this.takeStep(t, state, actor, step, without));
  }

  /** An intermediate of the same root. The state is locked by the caller, here and below. Throws as `prepare`. */
  async prepareIntermediate(t: Transaction, state: State, actor: Actor, isAutomatic = false): Promise<void> {
    const { encryption } = await this.store.key();
    const { root } = (await this.repository.issuers(t)).find(({ id }) => id === state.current)!;
    if (!root.sealedKey) throw refused(whyNoIntermediate(root));
    const made = await makeIntermediate({ certificate: root.certificate, key: encryption.open(root.sealedKey) }, this.clock());
    const own = { chain: '', root: root.certificate, source: 'made', isAutomatic } as const;
    await this.prepareWith(t, state, actor, { ...made, ...own, words: 'a new intermediate of the same root' });
  }

  /** Throws as `take`. */
  async takeStep(
    t: Transaction,
    state: State,
    actor: Actor,
    step: Exclude<Step, 'prepare'>,
    without: readonly string[] = [],
  ): Promise<void> {
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
  }

  /** Decides and changes under the lock of the state: one step at a time, whoever takes it. */
  private async underLock(change: (t: Transaction, state: State) => Promise<void>): Promise<AuthorityView> {
    return this.database.transact('all', async (t) => {
      await change(t, await this.repository.lock(t));
      return this.view(t);
    });
  }

  private async prepareWith(t: Transaction, state: State, actor: Actor, made: Made): Promise<void> {
    const { encryption } = await this.store.key();
    if (!stepsOf(state.phase).includes('prepare')) throw wrongPhase(state, 'prepare');
    const now = new Date(this.clock());
    const { certificate, chain, root, key, rootKey, source, words, isAutomatic = false } = made;
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
    const sealedKey = encryption.close(key);
    await this.repository.insertIssuer(t, { id, rootId, certificate, chain, createdAt: now, sealedKey, isAutomatic });
    await this.repository.updateState(t, follow(state, 'prepare', id)!.rotation, now);
    this.audit.record(t, {
      actor: asIs(actor),
      action: 'authority.prepared',
      outcome: 'ok',
      summary: `${actor.name} prepared another authority: ${words}`,
      detail: { current: state.current, next: id, rootId, subject: commonNameOf(certificate), source, isAutomatic },
    });
    await this.notifications.send(t, AUTHORITY_CHANGED);
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
    const now = this.clock();
    const ends = endsOf(kept, gateways, await this.repository.controllers(t), now);
    return toView(kept, gateways, await this.repository.waitingTokens(t, new Date(now)), ends);
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
