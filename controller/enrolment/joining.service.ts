import { Inject, Injectable } from '@nestjs/common';
import type { PublicKey } from '@peculiar/x509';
import type { EnrolRequest, EnrolResponse } from '../../proto/gen/ctfleet/v1/link.ts';
import { name as nameSchema } from '../../proto/http/common.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { formatFingerprint } from '../../proto/model/key-fingerprint.ts';
import { nameFrom, namesOf } from '../../proto/model/name-pattern.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { Enrolment, Rollout } from '../generated/prisma/client.ts';
import { AUTHORITY, type Authority } from '../identity/authority.ts';
import { AuthorityStore } from '../identity/authority-store.service.ts';
import { provenKey } from '../identity/certificates.ts';
import { keyHash } from '../identity/gateway-identity.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import { Addresses } from '../platform/addresses.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { ConcurrencyLimit } from '../platform/concurrency-limit.ts';
import { Database, isUniqueViolation, type Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import { isSecret } from '../platform/secret.ts';
import { textFrom } from '../platform/untrusted.ts';
import { EnrolmentRepository } from './enrolment.repository.ts';
import { ANSWERED_AGAIN_MS, APPROVED_MS, askAgainSeconds, enrolmentState, rolloutState, WAITING_MS } from './enrolment-state.ts';
import type { JoinToken } from './join-token.ts';
import { isAllowedFrom } from './peer-address.ts';
import { EnrolmentRefusals } from './refusals.service.ts';
import { RolloutsRepository, type RolloutWithSite } from './rollouts.repository.ts';

/** Transactions of one replica at once. Those of a tenant wait for each other, each with a connection. */
const AT_ONCE = 4;
/** Gateways of one tenant that await approval, and of one token: whoever has a token does not fill the places of all others. */
const MAX_WAITING = 1000;
const MAX_WAITING_OF_TOKEN = 250;
const FULL_RETRY_SECONDS = 120;
/** Of the certificate that enrolment issues; each renewal issues the next. */
const FIRST_GENERATION = 1;

/** An agent that asks, with what it proved and said. */
interface Asking {
  publicKey: PublicKey;
  keyHash: string;
  address: string;
  hostname: string;
  site: string;
  canWait: boolean;
  agentVersion: string;
  nowMs: number;
}

type Issued = Awaited<ReturnType<Authority['issueGateway']>>;
type Answer =
  | { kind: 'refused'; why: string; told?: string }
  | { kind: 'awaiting'; waiting: number }
  | { kind: 'enrolled'; gatewayId: string; gatewayName: string; certificate: Issued };
interface Place {
  site: { id?: string; name: string };
  hostname: string;
  gatewayName: string;
}

/**
 * Agents that come with the token of a roll-out. Each key is one gateway: it is named and counted in a transaction that holds its tenant,
 * so that exactly as many join as the token is for.
 */
@Injectable()
export class JoiningService {
  private readonly atOnce = new ConcurrencyLimit(AT_ONCE);

  constructor(
    @Inject(RolloutsRepository) private readonly rollouts: RolloutsRepository,
    @Inject(EnrolmentRepository) private readonly enrolment: EnrolmentRepository,
    @Inject(EnrolmentRefusals) private readonly refusals: EnrolmentRefusals,
    @Inject(AUTHORITY) private readonly authority: Authority,
    @Inject(AuthorityStore) private readonly store: AuthorityStore,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Addresses) private readonly addresses: Addresses,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * A certificate for the key in the request, or `awaiting` where a person has to approve it first. Throws JOIN_TOKEN_REFUSED, with what to
   * do about it where the token is good, and RATE_LIMITED where as many await approval as may.
   */
  async join(token: JoinToken, request: EnrolRequest, address: string): Promise<EnrolResponse> {
    const rollout = await this.database.transact('all', (t) => this.rollouts.find(t, token.id));
    if (!rollout || !isSecret(token.secret, rollout.secretHash)) return this.refusals.refuse('unknown', undefined, address);
    const refuse = (why: string, told?: string): Promise<never> =>
      this.refusals.refuse(why, { id: rollout.id, tenantId: rollout.tenantId, words: wordsOf(rollout) }, address, told);
    if (request.gatewayId !== '')
      return refuse(
        'for new gateways',
        'This machine is a gateway already, and this token is for new ones. Enrol it again by a token from its page.',
      );
    if (!isAllowedFrom(address, rollout.sources))
      return refuse('not from this address', `This token is not for gateways that connect from ${address}.`);
    const publicKey = await provenKey(request.csr);
    const asking: Asking = {
      publicKey,
      keyHash: keyHash(new Uint8Array(publicKey.rawData)),
      address,
      hostname: textFrom(request.hostname, 100),
      site: textFrom(request.site, 200).trim(),
      canWait: request.canWait,
      agentVersion: textFrom(request.agentVersion, 50),
      nowMs: this.clock(),
    };
    const answer = await this.atOnce
      .run(() => this.database.transact(new Set([rollout.tenantId]), (t) => this.answer(t, rollout.id, rollout.tenantId, asking)))
      .catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error;
        throw new FleetError('UNAVAILABLE', 'A gateway or site of this name was added at the same time. Try again.', {}, { cause: error });
      });
    if (answer.kind === 'refused') return refuse(answer.why, answer.told);
    return {
      gatewayId: '',
      gatewayName: '',
      certificatePem: Buffer.alloc(0),
      caPem: Buffer.alloc(0),
      linkAddress: this.addresses.of('link'),
      notAfterMs: 0n,
      ...(answer.kind === 'awaiting'
        ? { awaiting: { fingerprint: fingerprintOf(asking.keyHash), askAgainSeconds: askAgainSeconds(answer.waiting) } }
        : {
            gatewayId: answer.gatewayId,
            gatewayName: answer.gatewayName,
            certificatePem: Buffer.from(answer.certificate.certificatePem),
            caPem: Buffer.from(this.authority.pem),
            notAfterMs: BigInt(answer.certificate.notAfter.getTime()),
          }),
    };
  }

  /** Decides in a transaction. What is refused has changed nothing. */
  private async answer(t: Transaction, rolloutId: string, tenantId: string, asking: Asking): Promise<Answer> {
    await this.rollouts.lockTenant(t, tenantId);
    const rollout = await this.rollouts.find(t, rolloutId);
    if (!rollout || rollout.revokedAt) return { kind: 'refused', why: 'revoked' };
    const known = await this.rollouts.findByKey(t, rollout.id, asking.keyHash);
    const state = known && enrolmentState(known, rollout, asking.nowMs);
    if (state === 'enrolled') return this.again(t, known!, asking);
    if (state === 'refused') return { kind: 'refused', why: 'refused by a person', told: 'Somebody refused this gateway in the console.' };
    const tokenState = rolloutState(rollout, asking.nowMs);
    if (tokenState !== 'live' && !(state === 'approved' && tokenState === 'expired')) return { kind: 'refused', why: tokenState };
    const place = await this.place(t, rollout, state === 'lapsed' ? undefined : known, asking);
    if ('why' in place) return place;
    if (rollout.needsApproval && state !== 'approved') return this.wait(t, rollout, known, state, place, asking);
    return this.enrol(t, rollout, known, place, asking);
  }

  /** The same key asks again after its gateway joined: the answer was lost, unless it has been used since. */
  private async again(t: Transaction, { enrolledAt, gatewayId, gatewayName, tenantId }: Enrolment, asking: Asking): Promise<Answer> {
    const isLost =
      asking.nowMs - enrolledAt!.getTime() <= ANSWERED_AGAIN_MS &&
      (await this.rollouts.isUnrenewed(t, gatewayId!, asking.keyHash, FIRST_GENERATION));
    if (!isLost) return { kind: 'refused', why: 'used by this key' };
    return { kind: 'enrolled', gatewayId: gatewayId!, gatewayName, certificate: await this.issue(t, asking, tenantId, gatewayId!) };
  }

  /** Where the gateway goes and what it is called. What a key said first, and a person may have approved, stays. */
  private async place(
    t: Transaction,
    rollout: RolloutWithSite,
    known: Enrolment | undefined,
    asking: Asking,
  ): Promise<Place | Extract<Answer, { kind: 'refused' }>> {
    const hostname = known?.hostname ?? asking.hostname;
    const said = known?.siteName ?? rollout.site?.name ?? asking.site;
    const site = rollout.siteId !== null ? { id: rollout.siteId, name: said } : await this.siteOf(t, rollout, said);
    if ('why' in site) return site;
    const since = new Date(asking.nowMs - WAITING_MS);
    // Not all names of the tenant: with each gateway that joins there are more.
    const { text, isBeginning } = namesOf(rollout.namePattern, { hostname, site: site.name });
    const among = [isBeginning ? { startsWith: text } : { equals: text }, ...(known ? [{ equals: known.gatewayName }] : [])];
    const taken = await this.rollouts.takenNames(t, { tenantId: rollout.tenantId, since, except: known?.id, among });
    if (known && !taken.has(known.gatewayName)) return { site, hostname, gatewayName: known.gatewayName };
    const named = nameFrom(rollout.namePattern, { hostname, site: site.name }, (name) => taken.has(name));
    return 'problem' in named ? { kind: 'refused', why: 'no name', told: named.problem } : { site, hostname, gatewayName: named.name };
  }

  private async siteOf(
    t: Transaction,
    rollout: Rollout,
    said: string,
  ): Promise<{ id?: string; name: string } | Extract<Answer, { kind: 'refused' }>> {
    const { data: name } = nameSchema.safeParse(said);
    if (name === undefined)
      return {
        kind: 'refused',
        why: 'no site',
        told: 'This token is for several sites. Set CTFLEET_SITE to the name of the gateway’s site.',
      };
    const site = await this.rollouts.findSite(t, rollout.tenantId, name);
    if (site) return site;
    if (rollout.makesSites) return { name };
    return {
      kind: 'refused',
      why: 'unknown site',
      told: `There is no site named ${name}. Correct CTFLEET_SITE, or add the site in the console.`,
    };
  }

  private async wait(
    t: Transaction,
    rollout: Rollout,
    known: Enrolment | undefined,
    state: ReturnType<typeof enrolmentState> | undefined,
    place: Place,
    asking: Asking,
  ): Promise<Answer> {
    if (!asking.canWait)
      return {
        kind: 'refused',
        why: 'its agent cannot wait',
        told: 'This token needs approval, which this version of the agent cannot wait for. Update it.',
      };
    const now = new Date(asking.nowMs);
    const open = await this.rollouts.countOpen(
      t,
      { tenantId: rollout.tenantId },
      { waiting: new Date(asking.nowMs - WAITING_MS), approved: new Date(asking.nowMs - APPROVED_MS) },
    );
    const { waiting, approved } = open.get(rollout.id) ?? { waiting: 0, approved: 0 };
    if (state === 'waiting') {
      await this.rollouts.updateEnrolment(t, known!.id, { lastAskedAt: now, address: asking.address, gatewayName: place.gatewayName });
      return { kind: 'awaiting', waiting };
    }
    const ofTenant = [...open.values()].reduce((sum, one) => sum + one.waiting, 0);
    if (rollout.used + waiting + approved >= rollout.maxGateways || waiting >= MAX_WAITING_OF_TOKEN || ofTenant >= MAX_WAITING)
      throw new FleetError(
        'RATE_LIMITED',
        'As many gateways await approval as may. Decide about them, wait, or revoke a token that fills them.',
        {
          retryAfterSeconds: FULL_RETRY_SECONDS,
        },
      );
    await this.rollouts.dropLapsed(t, rollout.id, new Date(asking.nowMs - WAITING_MS));
    await this.keep(t, rollout, state === 'lapsed' && known!.state === 'approved' ? known : undefined, place, asking, {
      state: 'waiting',
      decidedAt: null,
      decidedByName: null,
    });
    this.audit.record(t, {
      tenantId: rollout.tenantId,
      actor: { kind: 'system', id: 'enrolment', name: 'enrolment' },
      action: 'enrolment.waiting',
      outcome: 'ok',
      summary: `${place.gatewayName} awaits approval`,
      detail: { rolloutId: rollout.id, address: asking.address, hostname: place.hostname, fingerprint: fingerprintOf(asking.keyHash) },
    });
    return { kind: 'awaiting', waiting: waiting + 1 };
  }

  private async enrol(t: Transaction, rollout: Rollout, known: Enrolment | undefined, place: Place, asking: Asking): Promise<Answer> {
    const { tenantId } = rollout;
    const [gatewayId, now] = [newId(), new Date(asking.nowMs)];
    const { site, gatewayName, hostname } = place;
    const siteId = site.id ?? (await this.makeSite(t, rollout, site.name, now));
    const certificate = await this.issue(t, asking, tenantId, gatewayId);
    await this.enrolment.insertGateway(t, {
      id: gatewayId,
      tenantId,
      siteId,
      name: gatewayName,
      tags: rollout.tags,
      createdAt: now,
      agentVersion: asking.agentVersion,
      certificateGeneration: FIRST_GENERATION,
      certificateKey: asking.keyHash,
      certificateEndsAt: certificate.notAfter,
      certificateIssuer: certificate.issuerId,
    });
    await this.rollouts.countGateway(t, rollout.id);
    await this.keep(t, rollout, known, place, asking, { state: 'enrolled', enrolledAt: now, gatewayId });
    this.audit.record(t, {
      tenantId,
      actor: { kind: 'gateway', id: gatewayId, name: gatewayName },
      action: 'enrolment.ok',
      outcome: 'ok',
      summary: `${gatewayName} enrolled at ${site.name}`,
      gatewayId,
      gatewayName,
      detail: {
        rolloutId: rollout.id,
        address: asking.address,
        hostname,
        generation: FIRST_GENERATION,
        approvedBy: known?.decidedByName ?? undefined,
      },
    });
    await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
    return { kind: 'enrolled', gatewayId, gatewayName, certificate };
  }

  private async makeSite(t: Transaction, rollout: Rollout, name: string, createdAt: Date): Promise<string> {
    const site = { id: newId(), tenantId: rollout.tenantId, name, timeZone: rollout.timeZone, createdAt };
    await this.rollouts.insertSite(t, site);
    this.audit.record(t, {
      tenantId: rollout.tenantId,
      actor: { kind: 'system', id: 'enrolment', name: 'enrolment' },
      action: 'site.made',
      outcome: 'ok',
      summary: `The site ${name} was added for its first gateway, as the join token of ${rollout.createdByName} allows`,
      detail: { rolloutId: rollout.id },
    });
    return site.id;
  }

  /** Writes the row of this key: a new one, or the known one. */
  private async keep(
    t: Transaction,
    rollout: Rollout,
    known: Enrolment | undefined,
    { site, hostname, gatewayName }: Place,
    asking: Asking,
    then: Pick<Enrolment, 'state'> & Partial<Pick<Enrolment, 'enrolledAt' | 'gatewayId' | 'decidedAt' | 'decidedByName'>>,
  ): Promise<void> {
    const now = new Date(asking.nowMs);
    const said = { gatewayName, siteName: site.name, hostname, address: asking.address, lastAskedAt: now, ...then };
    if (known) await this.rollouts.updateEnrolment(t, known.id, said);
    else
      await this.rollouts.insertEnrolment(t, {
        id: newId(),
        rolloutId: rollout.id,
        tenantId: rollout.tenantId,
        keyHash: asking.keyHash,
        askedAt: now,
        ...said,
      });
  }

  private async issue(t: Transaction, { publicKey, nowMs }: Asking, tenantId: string, gatewayId: string): Promise<Issued> {
    await this.store.hold(t);
    return this.authority.issueGateway(publicKey, { tenantId, gatewayId }, FIRST_GENERATION, nowMs);
  }
}

/** A roll-out in an audit entry. */
export function wordsOf({ maxGateways, namePattern }: Pick<Rollout, 'maxGateways' | 'namePattern'>): string {
  return `${maxGateways} gateways named ${namePattern}`;
}

/** What people compare, of a key's hash as it is stored. */
export function fingerprintOf(hash: string): string {
  return formatFingerprint(Buffer.from(hash, 'base64url'));
}
