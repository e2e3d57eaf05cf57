import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createHash } from 'node:crypto';
import { FleetError } from '../../proto/model/error-codes.ts';
import { readOrCreate } from '../platform/state-dir.ts';
import { formatSpiffe, formatSubject, type GatewayIdentity } from './gateway-identity.ts';

/** Provider token of the certificate authority. */
export const AUTHORITY = Symbol('authority');

/** The DNS name in the controller's certificate; agents verify this name whatever address they dial. */
export const SERVER_NAME = 'controller.ctfleet';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const SERVER_DAYS = 90;
/** Clocks differ a little; a new certificate must not start in the future. */
const SKEW_MS = 5 * 60_000;

x509.cryptoProvider.set(crypto);

/** A gateway's certificate and its end. */
export interface Issued {
  certificatePem: string;
  notAfter: Date;
}

/** Signs the certificates of gateways and of the controller itself. Its P-256 key is in the state folder. */
export class Authority {
  private constructor(
    private readonly certificate: x509.X509Certificate,
    private readonly key: CryptoKey,
    private readonly gatewayMs: number,
  ) {}

  /** The authority of a state folder; created the first time. `gatewayMs`: the life of gateways' certificates. */
  static async open(stateDir: string, nowMs: number, gatewayMs = 7 * DAY_MS): Promise<Authority> {
    const keyPem = await readOrCreate(stateDir, 'ca.key.pem', async () => {
      const pair = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
      return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY');
    });
    const key = await importKey(keyPem);
    const certificatePem = await readOrCreate(stateDir, 'ca.cert.pem', async () => {
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        serialNumber: newSerial(),
        name: 'CN=ctfleet',
        notBefore: new Date(nowMs - SKEW_MS),
        notAfter: new Date(nowMs + CA_DAYS * DAY_MS),
        signingAlgorithm: EC,
        keys: { privateKey: key, publicKey: await publicKeyOf(key) },
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        ],
      });
      return certificate.toString('pem');
    });
    return new Authority(new x509.X509Certificate(certificatePem), key, gatewayMs);
  }

  get pem(): string {
    return this.certificate.toString('pem');
  }

  /** SHA-256 of the public key (SPKI), base64url: the pin of a join token. */
  get pin(): string {
    return createHash('sha256').update(Buffer.from(this.certificate.publicKey.rawData)).digest('base64url');
  }

  /**
   * A new certificate and key for this controller's listeners; the chain ends with the CA so that an agent can check its key against the
   * pin.
   */
  async issueServer(nowMs: number): Promise<{ chain: string; key: string }> {
    const pair = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
    const certificate = await this.issue(pair.publicKey, `CN=${SERVER_NAME}`, nowMs, SERVER_DAYS * DAY_MS, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: SERVER_NAME }]),
    ]);
    const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY');
    return { chain: `${certificate.toString('pem')}\n${this.pem}\n`, key };
  }

  /** A gateway's certificate, for a proven key. */
  async issueGateway(publicKey: x509.PublicKey, identity: GatewayIdentity, generation: number, nowMs: number): Promise<Issued> {
    const certificate = await this.issue(publicKey, formatSubject(identity, generation), nowMs, this.gatewayMs, [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: formatSpiffe(identity) }]),
    ]);
    return { certificatePem: certificate.toString('pem'), notAfter: certificate.notAfter };
  }

  private async issue(
    publicKey: x509.PublicKeyType,
    subject: string,
    nowMs: number,
    lifeMs: number,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> {
    return x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject,
      issuer: this.certificate.subject,
      // Of a short life only a part, since agents renew at its half, counted from here.
      notBefore: new Date(nowMs - Math.min(SKEW_MS, lifeMs / 10)),
      notAfter: new Date(nowMs + lifeMs),
      publicKey,
      signingKey: this.key,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(this.certificate.publicKey),
        ...extensions,
      ],
    });
  }
}

/** The key of a CSR; its names are ignored. Throws INVALID_REQUEST for a CSR that does not prove a P-256 key. */
export async function provenKey(csr: Uint8Array): Promise<x509.PublicKey> {
  try {
    const request = new x509.Pkcs10CertificateRequest(new Uint8Array(csr));
    const algorithm = request.publicKey.algorithm as { name: string; namedCurve?: string };
    if (algorithm.name === 'ECDSA' && algorithm.namedCurve === 'P-256' && (await request.verify())) return request.publicKey;
  } catch (cause) {
    throw new FleetError('INVALID_REQUEST', 'The certificate request cannot be read.', {}, { cause });
  }
  throw new FleetError('INVALID_REQUEST', 'The certificate request does not prove a P-256 key.');
}

async function importKey(pem: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), EC, true, ['sign']);
}

async function publicKeyOf(key: CryptoKey): Promise<CryptoKey> {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key);
  return crypto.subtle.importKey('jwk', { kty, crv, x, y }, EC, true, ['verify']);
}

/** 126 random bits below a fixed top, so that the number is positive and never short. */
function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = 0x40 | (bytes[0]! & 0x3f);
  return Buffer.from(bytes).toString('hex');
}
