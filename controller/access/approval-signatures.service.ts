import { Inject, Injectable } from '@nestjs/common';
import { generateAuthenticationOptions, verifyAuthenticationResponse } from '@simplewebauthn/server';
import type { z } from 'zod';
import type { usedCredential } from '../../proto/http/account.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { publicKeyBytes, whyNotSigned } from '../../proto/signing/assertion.ts';
import { AuditService } from '../audit/audit.service.ts';
import type { Passkey } from '../generated/prisma/client.ts';
import type { Caller } from '../platform/caller.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database } from '../platform/database.ts';
import { keyFromCose } from './cose-key.ts';
import { PasskeysRepository } from './passkeys.repository.ts';
import { PasskeysService } from './passkeys.service.ts';
import { actorOf, SessionsService } from './sessions.service.ts';

const TIMEOUT_MS = 300_000;
/** Far above what browsers and authenticators send; all of it is kept in the audit trail. */
const MAX_BYTES = 1024;
export type UsedCredential = z.output<typeof usedCredential>;

/** What was signed with which passkey, so that it can be verified without this controller. Bytes are base64url. */
export interface PasskeySignature {
  /** The name that its person gave the passkey. */
  passkey: string;
  credentialId: string;
  /** SPKI, DER. */
  publicKey: string;
  rpId: string;
  origin: string;
  authenticatorData: string;
  clientDataJSON: string;
  signature: string;
}

/** Signatures of people with their passkeys. What is signed is the challenge, which whoever asks has derived from it. */
@Injectable()
export class ApprovalSignaturesService {
  constructor(
    @Inject(PasskeysRepository) private readonly passkeys: PasskeysRepository,
    @Inject(PasskeysService) private readonly site: PasskeysService,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What a browser needs to have one of the caller's own passkeys sign. Throws CAPABILITY_MISSING where there is none to use. */
  async options(caller: Caller, challenge: Uint8Array<ArrayBuffer>): Promise<{ challenge: string; passkeys: string[] }> {
    if (this.site.refusal !== undefined) throw new FleetError('CAPABILITY_MISSING', this.site.refusal);
    const own = await this.database.transact('all', (t) => this.passkeys.list(t, caller.userId));
    if (own.length === 0)
      throw new FleetError('CAPABILITY_MISSING', 'You have no passkey yet. Add one under My account, then sign with it.');
    const options = await generateAuthenticationOptions({
      rpID: this.rpId,
      challenge,
      timeout: TIMEOUT_MS,
      allowCredentials: own.map(({ credentialId, transports }) => ({ id: credentialId, transports: transports as never })),
      userVerification: 'required',
    });
    return { ...options, passkeys: own.map(({ name }) => name) };
  }

  /** The caller's signature of the challenge. Throws SECOND_FACTOR_REFUSED for all else, which the audit trail names. */
  async verify(caller: Caller, challenge: Uint8Array, response: UsedCredential): Promise<PasskeySignature> {
    const known = await this.database.transact('all', (t) => this.passkeys.findByCredential(t, response.id));
    const signature = known?.user.id === caller.userId ? await this.signatureOf(known, challenge, response) : undefined;
    if (!signature) {
      await this.audit.recordSession({ action: 'passkey-refused', outcome: 'refused', ...actorOf(caller) });
      throw new FleetError('SECOND_FACTOR_REFUSED', 'This is no signature of this plan by a passkey of yours. Try again.');
    }
    return signature;
  }

  /** A signature is a proof of the person as well: one gesture, not two. */
  async markProved(caller: Caller): Promise<void> {
    if (caller.session) await this.sessions.markProved({ id: caller.session.id });
  }

  private async signatureOf(known: Passkey, challenge: Uint8Array, used: UsedCredential): Promise<PasskeySignature | undefined> {
    const key = keyOf(known);
    const { authenticatorData, clientDataJSON, signature } = used.response;
    const origin = this.config.publicUrl;
    const [data, client, signed] = [authenticatorData, clientDataJSON, signature].map((text) => Buffer.from(text, 'base64url'));
    if ([data!, client!, signed!].some(({ length }) => length > MAX_BYTES)) return undefined;
    const verified = await verifyAuthenticationResponse({
      response: { ...used, clientExtensionResults: {} } as Parameters<typeof verifyAuthenticationResponse>[0]['response'],
      expectedChallenge: Buffer.from(challenge).toString('base64url'),
      expectedOrigin: origin,
      expectedRPID: this.rpId,
      credential: { id: known.credentialId, publicKey: new Uint8Array(known.publicKey), counter: Number(known.counter) },
      requireUserVerification: true,
    }).catch(() => undefined);
    if (!verified?.verified) return undefined;
    // What is kept has to verify elsewhere too, by the code that is used there.
    const site = { rpId: this.rpId, origins: [origin] };
    if (whyNotSigned({ authenticatorData: data!, clientDataJson: client!, signature: signed! }, challenge, key, site) !== undefined)
      return undefined;
    const isUsed = await this.database.transact('all', (t) =>
      this.passkeys.use(t, known, BigInt(verified.authenticationInfo.newCounter), new Date(this.clock())),
    );
    if (!isUsed) return undefined;
    return {
      passkey: known.name,
      credentialId: known.credentialId,
      publicKey: Buffer.from(publicKeyBytes(key)).toString('base64url'),
      rpId: this.rpId,
      origin,
      authenticatorData: data!.toString('base64url'),
      clientDataJSON: client!.toString('base64url'),
      signature: signed!.toString('base64url'),
    };
  }

  private get rpId(): string {
    return new URL(this.config.publicUrl).hostname;
  }
}

function keyOf({ publicKey }: Passkey) {
  try {
    return keyFromCose(publicKey);
  } catch (error) {
    throw new FleetError(
      'CAPABILITY_MISSING',
      'Plans cannot be signed with this passkey. Use another, or add one on another device.',
      {},
      { cause: error },
    );
  }
}
