import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createHash } from 'node:crypto';
import { FleetError } from '../../proto/model/error-codes.ts';
import { CONTROLLER_NAME } from '../../proto/model/link-names.ts';

export const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
export const DAY_MS = 86_400_000;
const ROOT_DAYS = 3650;
const INTERMEDIATE_DAYS = 730;
const SERVER_DAYS = 90;
/** Replicas renew theirs every day, and with each change of the authority. */
const REPLICA_DAYS = 7;
/** Clocks differ a little; a new certificate must not start in the future. */
const SKEW_MS = 5 * 60_000;
const CA_USAGE = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;

x509.cryptoProvider.set(crypto);

/** A certificate with its key; both PEM, the key PKCS#8. */
export interface Keyed {
  certificate: string;
  key: string;
}

/** A new offline root, which may have one level of intermediates below it. */
export async function makeRoot(nowMs: number): Promise<Keyed> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // A name of its own: where two certificates have one name, OpenSSL may try the wrong one.
    name: `CN=ctfleet root ${newSerial().slice(0, 8)}`,
    notBefore: new Date(nowMs - SKEW_MS),
    notAfter: new Date(nowMs + ROOT_DAYS * DAY_MS),
    signingAlgorithm: EC,
    keys: { privateKey, publicKey },
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(CA_USAGE, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return { certificate: toPem(certificate), key: await exportKey(privateKey) };
}

/** A new online intermediate below a root, which signs gateways and controllers and nothing that signs. */
export async function makeIntermediate(root: Keyed, nowMs: number): Promise<Keyed> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await sign(root, await importKey(root.key), {
    publicKey,
    subject: `CN=ctfleet intermediate ${newSerial().slice(0, 8)}`,
    nowMs,
    lifeMs: INTERMEDIATE_DAYS * DAY_MS,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(CA_USAGE, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return { certificate: toPem(certificate), key: await exportKey(privateKey) };
}

/** A certificate for a controller's listeners, and its key (PKCS#8). */
export async function makeServer(issuer: { certificate: string }, issuerKey: CryptoKey, nowMs: number): Promise<Keyed> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await signLeaf(issuer, issuerKey, {
    publicKey,
    subject: `CN=${CONTROLLER_NAME}`,
    nowMs,
    lifeMs: SERVER_DAYS * DAY_MS,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: CONTROLLER_NAME }]),
    ],
  });
  return { certificate: toPem(certificate), key: await exportKey(privateKey) };
}

/** A certificate by which a replica proves to others who it is, whichever dials, and its key (PKCS#8). It has no other name. */
export async function makeReplica(issuer: { certificate: string }, issuerKey: CryptoKey, uri: string, nowMs: number): Promise<Keyed> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await signLeaf(issuer, issuerKey, {
    publicKey,
    subject: 'CN=replica',
    nowMs,
    lifeMs: REPLICA_DAYS * DAY_MS,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }]),
    ],
  });
  return { certificate: toPem(certificate), key: await exportKey(privateKey) };
}

interface Wanted {
  publicKey: x509.PublicKeyType;
  subject: string;
  nowMs: number;
  lifeMs: number;
  extensions: x509.Extension[];
}

/** A certificate that signs nothing. It ends with its issuer at the latest. */
export async function signLeaf(issuer: { certificate: string }, issuerKey: CryptoKey, wanted: Wanted): Promise<x509.X509Certificate> {
  return sign(issuer, issuerKey, {
    ...wanted,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...wanted.extensions,
    ],
  });
}

async function sign(
  { certificate }: { certificate: string },
  signingKey: CryptoKey,
  { publicKey, subject, nowMs, lifeMs, extensions }: Wanted,
): Promise<x509.X509Certificate> {
  const issuer = new x509.X509Certificate(certificate);
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject,
    issuer: issuer.subjectName,
    // Of a short life only a part, since agents renew at its half, counted from here.
    notBefore: new Date(nowMs - Math.min(SKEW_MS, lifeMs / 10)),
    notAfter: new Date(Math.min(nowMs + lifeMs, issuer.notAfter.getTime())),
    publicKey,
    signingKey,
    signingAlgorithm: EC,
    extensions: [...extensions, await keyIdOf(issuer)],
  });
}

/** How a certificate names its issuer's key: as the issuer names it itself, whatever that is. */
async function keyIdOf(issuer: x509.X509Certificate): Promise<x509.Extension> {
  const named = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  return named ? new x509.AuthorityKeyIdentifierExtension(named.keyId) : x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey);
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

/** SHA-256 of a certificate's public key (SPKI), base64url: the pin of a join token. */
export function pinOf(certificatePem: string): string {
  return createHash('sha256')
    .update(Buffer.from(new x509.X509Certificate(certificatePem).publicKey.rawData))
    .digest('base64url');
}

/** A P-256 key (PKCS#8, PEM). Throws what cannot be read. */
export async function importKey(pem: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), EC, true, ['sign']);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

const toPem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

/** 126 random bits below a fixed top, so that the number is positive and never short. */
function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = 0x40 | (bytes[0]! & 0x3f);
  return Buffer.from(bytes).toString('hex');
}
