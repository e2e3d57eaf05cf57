import { Inject, Injectable } from '@nestjs/common';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeAttestationObject } from '@simplewebauthn/server/helpers';
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { usedCredential, type addPasskey, type passkey } from '../../proto/http/account.ts';
import { parseAddress } from '../../proto/model/address.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { publicKeyBytes } from '../../proto/signing/assertion.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { Passkey } from '../generated/prisma/client.ts';
import { isProofFresh, type Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, isUniqueViolation } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { RateLimits } from '../platform/rate-limits.ts';
import { parseBody, withCookies, type Asking } from './asking.ts';
import { AUTH, type Auth } from './auth.ts';
import { keyFromCose, PASSKEY_ALGORITHMS } from './cose-key.ts';
import { addressKey } from './limit-key.ts';
import { isOwnChallenge, sealChallenge } from './passkey-challenge.ts';
import { PasskeysRepository } from './passkeys.repository.ts';
import { CHANGE_PASSWORD, PASSKEY_ONCE, SIGN_IN_ADDRESS } from './rate-limits.ts';
import { SecondFactorsRepository } from './second-factors.repository.ts';
import { actorOf, SessionsService } from './sessions.service.ts';

/** Enough for every device of a person. */
const MAX_PASSKEYS = 20;
const TIMEOUT_MS = 300_000;
const options = z.looseObject({ isProof: z.boolean().default(false) });
const use = z.looseObject({ response: usedCredential });
type PasskeyView = z.output<typeof passkey>;

/**
 * Passkeys (WebAuthn): discoverable credentials whose authenticator verifies the person, by finger, face or PIN. One is both factors at
 * once. Challenges are sealed and not stored; an answer to one counts once.
 */
@Injectable()
export class PasskeysService {
  constructor(
    @Inject(AUTH) private readonly auth: Auth,
    @Inject(PasskeysRepository) private readonly passkeys: PasskeysRepository,
    @Inject(SecondFactorsRepository) private readonly factors: SecondFactorsRepository,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(RateLimits) private readonly limits: RateLimits,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Why there can be no passkeys at the console's address; undefined where there can. */
  get refusal(): string | undefined {
    if (!parseAddress(this.site.replaceAll(/[[\]]/g, ''))) return undefined;
    return 'Browsers allow passkeys only at a name: open the console at one, and set CTFLEET_PUBLIC_URL to it.';
  }

  async answer(asking: Asking): Promise<Response> {
    switch (asking.path) {
      case '/passkey/options':
        return this.makeUseOptions(asking);
      case '/passkey/sign-in':
        return this.signIn(asking);
      case '/passkey/prove':
        return this.prove(asking);
      default:
        throw new FleetError('NOT_FOUND', 'Nothing exists at this address.');
    }
  }

  /**
   * Whoever has no second factor yet says the password again, or, without one, has just signed in. Throws FORBIDDEN, RATE_LIMITED,
   * CAPABILITY_MISSING.
   */
  async makeOptions(caller: Caller, password: string | undefined): Promise<{ challenge: string }> {
    if (this.refusal !== undefined) throw new FleetError('CAPABILITY_MISSING', this.refusal);
    const person = await this.database.transact('all', (t) => this.factors.find(t, caller.userId));
    if (!person) throw new FleetError('NOT_FOUND', 'There is no such person.');
    const hash = person.accounts[0]?.password;
    if (!caller.session?.hasSecondFactor) {
      if (hash) await this.assertPassword(caller, hash, password ?? '');
      // A session that was left open would otherwise be somebody's for good.
      else if (!isProofFresh(caller.session?.begunAtMs, this.clock()))
        throw new FleetError('FORBIDDEN', 'You signed in more than five minutes ago. Sign out and in again, then add the passkey.');
    }
    return {
      ...(await generateRegistrationOptions({
        rpName: 'ctfleet',
        rpID: this.site,
        userID: new Uint8Array(Buffer.from(person.id)),
        userName: person.email,
        userDisplayName: person.name,
        challenge: await this.newChallenge(`add ${caller.session?.id}`),
        timeout: TIMEOUT_MS,
        attestationType: 'none',
        supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
        excludeCredentials: person.passkeys.map(({ credentialId, transports }) => ({ id: credentialId, transports })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      })),
    };
  }

  /** Throws SECOND_FACTOR_REFUSED, ALREADY_EXISTS, RATE_LIMITED. */
  async add(caller: Caller, { name, response }: z.output<typeof addPasskey.body>): Promise<PasskeyView> {
    // Statements about the authenticator are not asked for; to verify one, the library would fetch what its certificates name.
    if (!isWithoutStatement(response.response.attestationObject)) throw refused();
    const verified = await verifyRegistrationResponse({
      response: { ...response, clientExtensionResults: {} } as Parameters<typeof verifyRegistrationResponse>[0]['response'],
      expectedChallenge: (challenge) => this.takeChallenge(`add ${caller.session?.id}`, challenge),
      expectedOrigin: this.config.publicUrl,
      expectedRPID: this.site,
      supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
      requireUserVerification: true,
    }).catch(() => undefined);
    if (!verified?.verified) throw refused();
    const { credential, credentialDeviceType } = verified.registrationInfo;
    const row = await this.database
      .transact('all', async (t) => {
        await this.factors.recount(t, caller.userId);
        await this.factors.dropUnconfirmed(t, caller.userId);
        if ((await this.passkeys.list(t, caller.userId)).length >= MAX_PASSKEYS)
          throw new FleetError('FORBIDDEN', `There are ${MAX_PASSKEYS} passkeys already. Remove one first.`);
        const made = await this.passkeys.insert(t, {
          id: newId(),
          userId: caller.userId,
          name,
          credentialId: credential.id,
          publicKey: new Uint8Array(credential.publicKey),
          counter: BigInt(credential.counter),
          transports: response.response.transports ?? [],
          isSynced: credentialDeviceType === 'multiDevice',
          createdAt: new Date(this.clock()),
        });
        await this.factors.recount(t, caller.userId);
        return made;
      })
      .catch((error: unknown) => {
        throw isUniqueViolation(error) ? new FleetError('ALREADY_EXISTS', 'This passkey is here already.', {}, { cause: error }) : error;
      });
    // It was just made, by this person, before this authenticator.
    if (caller.session) await this.sessions.markProved({ id: caller.session.id });
    await this.audit.recordSession({ action: 'passkey-added', outcome: 'ok', ...actorOf(caller), of: name });
    return toPasskeyView(row);
  }

  /** Throws NOT_FOUND. */
  async rename(caller: Caller, id: string, name: string): Promise<PasskeyView> {
    const row = await this.database.transact('all', (t) => this.passkeys.rename(t, caller.userId, id, name));
    if (!row) throw notThere();
    await this.audit.recordSession({ action: 'passkey-renamed', outcome: 'ok', ...actorOf(caller), of: name });
    return toPasskeyView(row);
  }

  /** Throws NOT_FOUND. */
  async remove(caller: Caller, id: string): Promise<void> {
    await this.database.transact('all', async (t) => {
      if (!(await this.passkeys.remove(t, caller.userId, id))) throw notThere();
      await this.factors.recount(t, caller.userId);
    });
    await this.audit.recordSession({ action: 'passkey-removed', outcome: 'ok', ...actorOf(caller) });
  }

  /** For a sign-in the browser offers what it has for this site; for a proof it has to be one of the person's own. */
  private async makeUseOptions({ request, body, address }: Asking): Promise<Response> {
    if (this.refusal !== undefined) throw new FleetError('CAPABILITY_MISSING', this.refusal);
    const { isProof } = parseBody(options, body);
    await this.limits.check(SIGN_IN_ADDRESS, addressKey(address));
    const session = isProof ? await this.sessions.get(request.headers) : undefined;
    const own = session ? await this.database.transact('all', (t) => this.passkeys.list(t, session.userId)) : [];
    return Response.json(
      await generateAuthenticationOptions({
        rpID: this.site,
        challenge: await this.newChallenge(session ? `prove ${session.sessionId}` : 'sign in'),
        timeout: TIMEOUT_MS,
        allowCredentials: own.map(({ credentialId, transports }) => ({ id: credentialId, transports })),
        userVerification: 'required',
      }),
    );
  }

  private async signIn(asking: Asking): Promise<Response> {
    const { request, address } = asking;
    const { id, name, email } = await this.verify(asking, 'sign in');
    const response = await this.auth.api.startSession({
      body: { userId: id, secondFactorAt: new Date(this.clock()) },
      headers: request.headers,
      asResponse: true,
    });
    if (!response.ok) throw refused();
    await this.sessions.begun({ userId: id, name, email }, address, 'passkey');
    return withCookies(response);
  }

  private async prove(asking: Asking): Promise<Response> {
    const { address, request } = asking;
    const { sessionId, userId, name } = await this.sessions.get(request.headers);
    const person = await this.verify(asking, `prove ${sessionId}`);
    if (person.id !== userId) throw refused();
    await this.sessions.markProved({ id: sessionId });
    await this.audit.recordSession({ action: 'proved', outcome: 'ok', userId, name, address, by: 'passkey' });
    return Response.json({});
  }

  /** Whose passkey it is. Throws SECOND_FACTOR_REFUSED, RATE_LIMITED. */
  private async verify({ body, address }: Asking, purpose: string): Promise<{ id: string; name: string; email: string }> {
    const { response } = parseBody(use, body);
    const from = addressKey(address);
    await this.limits.take(SIGN_IN_ADDRESS, from);
    const known = await this.database.transact('all', (t) => this.passkeys.findByCredential(t, response.id));
    const verified =
      known &&
      (await verifyAuthenticationResponse({
        response: { ...response, clientExtensionResults: {} } as Parameters<typeof verifyAuthenticationResponse>[0]['response'],
        expectedChallenge: (challenge) => this.takeChallenge(purpose, challenge),
        expectedOrigin: this.config.publicUrl,
        expectedRPID: this.site,
        credential: { id: known.credentialId, publicKey: new Uint8Array(known.publicKey), counter: Number(known.counter) },
        requireUserVerification: true,
      }).catch(() => undefined));
    const isUsed =
      verified?.verified === true &&
      (await this.database.transact('all', (t) =>
        this.passkeys.use(t, known!, BigInt(verified.authenticationInfo.newCounter), new Date(this.clock())),
      ));
    if (!isUsed) {
      const { id: userId = 'unknown', name = 'unknown' } = known?.user ?? {};
      await this.audit.recordSession({ action: 'passkey-refused', outcome: 'refused', userId, name, address });
      throw refused();
    }
    await this.limits.giveBack(SIGN_IN_ADDRESS, from);
    return known!.user;
  }

  private async assertPassword(caller: Caller, hash: string, password: string): Promise<void> {
    const tries = await this.limits.take(CHANGE_PASSWORD, caller.userId);
    if (await (await this.auth.$context).password.verify({ hash, password })) return this.limits.forgive(CHANGE_PASSWORD, caller.userId);
    if (tries === 1 || tries === CHANGE_PASSWORD.tries)
      await this.audit.recordSession({ action: 'password-refused', outcome: 'refused', ...actorOf(caller), tries });
    throw new FleetError('FORBIDDEN', 'This is not your password.');
  }

  private async newChallenge(purpose: string): Promise<Uint8Array<ArrayBuffer>> {
    return sealChallenge((await this.auth.$context).secret, purpose, randomBytes(16), this.clock());
  }

  private async takeChallenge(purpose: string, challenge: string): Promise<boolean> {
    if (!isOwnChallenge((await this.auth.$context).secret, purpose, challenge, this.clock())) return false;
    // By its bytes: the last letter can be spelled in several ways.
    return this.limits.isFirst(PASSKEY_ONCE, Buffer.from(challenge, 'base64url').toString('hex'));
  }

  /** What the browser binds passkeys to: the host of the console's address. */
  private get site(): string {
    return new URL(this.config.publicUrl).hostname;
  }
}

/** As the account's page has it. */
export function toPasskeyView(row: Passkey): PasskeyView {
  return {
    id: row.id,
    name: row.name,
    isSynced: row.isSynced,
    publicKey: spkiOf(row),
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString(),
  };
}

function spkiOf({ publicKey }: Passkey): string | undefined {
  try {
    return Buffer.from(publicKeyBytes(keyFromCose(publicKey))).toString('base64');
  } catch {
    return undefined;
  }
}

function refused(): FleetError {
  return new FleetError('SECOND_FACTOR_REFUSED', 'This passkey is not known here, or the attempt took too long. Try again.');
}

function notThere(): FleetError {
  return new FleetError('NOT_FOUND', 'There is no such passkey.');
}

/** True for an attestation object of the formats that say nothing: `none`, and `packed` by the key itself. */
function isWithoutStatement(attestationObject: string): boolean {
  try {
    const decoded = decodeAttestationObject(new Uint8Array(Buffer.from(attestationObject, 'base64url')));
    const format = decoded.get('fmt');
    return format === 'none' || (format === 'packed' && decoded.get('attStmt').get('x5c') === undefined);
  } catch {
    return false;
  }
}
