import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Rotation } from './rotation.ts';

/** What signs gateways and controllers. Certificates are PEM; `chain`: those between it and its root. */
export interface Issuer {
  id: string;
  certificate: string;
  chain: string;
  root: string;
}

/** The authority as it is kept: its rotation, and the issuers that the rotation names, with the key (PKCS#8, PEM) of each. */
export interface KnownAuthority {
  rotation: Rotation;
  issuers: ReadonlyMap<string, Issuer & { key: string }>;
}

/** Two certificates in one text each begin on a line of their own. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const MAX_CERTIFICATES = 6;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const NAME_CONSTRAINTS = '2.5.29.30';

/** The certificates in a text, PEM, each with a line's end. */
export function certificatesIn(text: string): string[] {
  return (text.match(CERTIFICATE) ?? []).map((one) => `${one}\n`);
}

/** What an issuer's leaves are sent with: the issuer and what is between it and its root; nothing for a root that signs itself. */
export function chainOf({ certificate, chain, root }: Issuer): string {
  return certificate === root ? '' : certificate + chain;
}

/**
 * An issuer made elsewhere, from its chain (itself first, its root last) and its key. Throws INVALID_REQUEST that says what is wrong with
 * which of the two, and what to do.
 */
export function parseIssuer(chainText: string, keyText: string, nowMs: number): Omit<Issuer, 'id'> & { key: string } {
  const chain = certificatesIn(chainText);
  if (chain.length < 2 || chain.length > MAX_CERTIFICATES)
    throw wrong(
      `Certificates in the chain: ${chain.length}. Give 2 to ${MAX_CERTIFICATES}, PEM: the intermediate first, then what signed it, and ` +
        'last the root, which signed itself',
    );
  const parsed = chain.map((text, index) => readCertificate(text, index));
  for (const [index, certificate] of parsed.entries()) {
    const fault = faultOf(certificate, chain[index]!, index, nowMs) ?? linkFault(certificate, parsed[index + 1]);
    if (fault !== undefined) throw wrong(`Certificate ${index + 1} of the chain (${certificate.subject.replaceAll('\n', ', ')}) ${fault}`);
  }
  const [intermediate] = parsed as [X509Certificate];
  const { asymmetricKeyType, asymmetricKeyDetails } = intermediate.publicKey;
  if (asymmetricKeyType !== 'ec' || asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw wrong('The intermediate’s key is not an ECDSA key on P-256. Only the intermediate needs one; those above it may have any');
  return { certificate: chain[0]!, chain: chain.slice(1, -1).join(''), root: chain.at(-1)!, key: keyFor(intermediate, keyText) };
}

function readCertificate(text: string, index: number): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw wrong(`Certificate ${index + 1} of the chain cannot be read: ${(cause as Error).message}`, cause);
  }
}

function keyFor(certificate: X509Certificate, text: string): string {
  try {
    const key = createPrivateKey(text);
    if (certificate.checkPrivateKey(key)) return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch (cause) {
    throw wrong(`The key cannot be read: ${(cause as Error).message}. Give it as PEM without a passphrase`, cause);
  }
  throw wrong('The key is not that of the first certificate of the chain');
}

/** Why a certificate cannot be in a chain above `depth` others that sign; gateways’ and controllers’ are below all of them. */
function faultOf(certificate: X509Certificate, text: string, depth: number, nowMs: number): string | undefined {
  if (Date.parse(certificate.validFrom) > nowMs) return `is not valid before ${certificate.validFrom}`;
  if (Date.parse(certificate.validTo) <= nowMs) return `ended at ${certificate.validTo}. Have a new one issued`;
  const { extensions, signatureAlgorithm } = new x509.X509Certificate(text);
  const find = <T extends x509.Extension>(type: new (...args: never[]) => T): T | undefined =>
    extensions.find((one): one is T => one instanceof type);
  const basic = find(x509.BasicConstraintsExtension);
  if (!basic?.ca) return 'is no authority. Have it issued with basicConstraints CA:true';
  const usages = find(x509.KeyUsagesExtension)?.usages;
  if (usages !== undefined && (usages & x509.KeyUsageFlags.keyCertSign) === 0)
    return 'may not sign certificates. Have it issued with keyUsage keyCertSign';
  const levels = basic.pathLength;
  if (levels !== undefined && levels < depth) return `allows ${levels} authorities below it, and ${depth} are. Have it issued with more`;
  const purposes = certificate.keyUsage as string[] | undefined;
  if (purposes !== undefined && !(purposes.includes(CLIENT_AUTH) && purposes.includes(SERVER_AUTH)))
    return 'is limited to other purposes. Have it issued without extendedKeyUsage, or with clientAuth and serverAuth';
  if (extensions.some(({ type }) => type === NAME_CONSTRAINTS))
    return 'has name constraints, which do not allow ctfleet’s names. Have it issued without';
  const { hash } = signatureAlgorithm as { hash?: { name: string } };
  // Nobody checks what a root says of itself.
  return hash?.name === 'SHA-1' && !certificate.checkIssued(certificate)
    ? 'is signed with SHA-1, which TLS refuses. Have it issued with SHA-256'
    : undefined;
}

/** Why a certificate is not signed by the next of its chain, or, as the last, by itself. */
function linkFault(certificate: X509Certificate, next: X509Certificate | undefined): string | undefined {
  const issuer = next ?? certificate;
  if (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) return undefined;
  return next
    ? 'is not signed by the next. Put the intermediate first, then each certificate’s issuer, and the root last'
    : 'is the last and not signed by itself: the chain is not complete. Append what signed it, up to the root';
}

const wrong = (what: string, cause?: unknown): FleetError =>
  new FleetError('INVALID_REQUEST', `${what}. Nothing was changed.`, {}, { cause });
