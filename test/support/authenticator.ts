import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** What the person and the browser do, where a test wants it otherwise than as it should be. */
export interface Mischief {
  origin?: string;
  /** Without finger, face or PIN. */
  isUnverified?: boolean;
  /** Keeps the counter where it was, as a copy would. */
  isCopy?: boolean;
  /** The format of a statement about the authenticator, with a certificate. */
  statement?: string;
}

const UP = 1;
const UV = 4;
const ATTESTED = 0x40;
const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest();

/** A security key with one discoverable credential (ES256), and the browser in front of it at one origin. */
export class Authenticator {
  readonly id = randomBytes(16);
  private readonly origin: string;
  private readonly privateKey: KeyObject;
  private readonly publicKey: KeyObject;
  private counter = 0;
  private userHandle: string | undefined;

  constructor(origin: string) {
    this.origin = origin;
    ({ privateKey: this.privateKey, publicKey: this.publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  }

  /** SPKI in base64, as a guard file takes it. */
  get spki(): string {
    return this.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  }

  /** `navigator.credentials.create()` with these options, as JSON. */
  create(options: { challenge: string; rp: { id: string }; user: { id: string } }, mischief: Mischief = {}): unknown {
    this.userHandle = options.user.id;
    const { x, y } = this.publicKey.export({ format: 'jwk' });
    const length = Buffer.from([0, this.id.length]);
    // COSE: kty EC2, alg ES256, crv P-256, x, y.
    const cose = Buffer.concat([
      Buffer.from('a5010203262001215820', 'hex'),
      Buffer.from(x!, 'base64url'),
      Buffer.from('225820', 'hex'),
      Buffer.from(y!, 'base64url'),
    ]);
    const data = Buffer.concat([this.head(options.rp.id, ATTESTED, mischief), Buffer.alloc(16), length, this.id, cose]);
    const { statement: format } = mischief;
    // CBOR: fmt, attStmt (x5c with one certificate, or nothing), authData.
    const attestation = Buffer.concat([
      Buffer.from('a363666d74', 'hex'),
      Buffer.from([0x60 + (format ?? 'none').length]),
      Buffer.from(format ?? 'none'),
      Buffer.from('6761747453746d74', 'hex'),
      Buffer.from(format === undefined ? 'a0' : 'a163783563814100', 'hex'),
      Buffer.from('68617574684461746158', 'hex'),
      Buffer.from([data.length]),
      data,
    ]);
    return this.answer({
      clientDataJSON: b64(this.clientData('webauthn.create', options.challenge, mischief)),
      attestationObject: b64(attestation),
      transports: ['usb'],
    });
  }

  /** `navigator.credentials.get()` with these options, as JSON. */
  use(options: { challenge: string; rpId: string }, mischief: Mischief = {}): unknown {
    if (!mischief.isCopy) this.counter += 1;
    const authenticatorData = this.head(options.rpId, 0, mischief);
    const clientData = this.clientData('webauthn.get', options.challenge, mischief);
    return this.answer({
      clientDataJSON: b64(clientData),
      authenticatorData: b64(authenticatorData),
      signature: b64(sign('sha256', Buffer.concat([authenticatorData, sha256(clientData)]), this.privateKey)),
      userHandle: this.userHandle,
    });
  }

  private answer(response: unknown): unknown {
    return { id: b64(this.id), rawId: b64(this.id), type: 'public-key', clientExtensionResults: {}, response };
  }

  private head(site: string, flags: number, { isUnverified }: Mischief): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    return Buffer.concat([sha256(site), Buffer.from([flags | UP | (isUnverified ? 0 : UV)]), counter]);
  }

  private clientData(type: string, challenge: string, { origin = this.origin }: Mischief): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  }
}
