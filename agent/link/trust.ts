import { createHash, X509Certificate } from 'node:crypto';
import { CONTROLLER_NAME, rootName } from '../../proto/model/link-names.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** What a controller may send: a rotation has two authorities, each with a short chain. */
const MAX_CERTIFICATES = 12;
const MAX_BYTES = 64 * 1024;

/** Certificates in a text, each with its PEM. Throws an Error for too many, or one that cannot be read. */
function certificatesIn(text: string): { pem: string; certificate: X509Certificate }[] {
  if (text.length > MAX_BYTES) throw new Error(`certificates have at most ${MAX_BYTES} bytes together`);
  const all = text.match(CERTIFICATE) ?? [];
  if (all.length > MAX_CERTIFICATES) throw new Error(`there are ${all.length} certificates, at most ${MAX_CERTIFICATES} are read`);
  return all.map((pem) => ({ pem: `${pem}\n`, certificate: new X509Certificate(pem) }));
}

const isSignedBy = (one: X509Certificate, issuer: X509Certificate): boolean => one.checkIssued(issuer) && one.verify(issuer.publicKey);

/** The roots among certificates, PEM, in their order: those that signed themselves. Throws an Error where a certificate cannot be read. */
export function rootsIn(text: string): string {
  const roots = certificatesIn(text).filter(({ certificate }) => isSignedBy(certificate, certificate));
  return [...new Set(roots.map(({ pem }) => pem))].join('');
}

/**
 * True if the first certificate of a chain leads to one of the roots, over the others of the chain or of `more`. Whether they are in date is
 * left to TLS.
 */
export function leadsTo(roots: string, chain: string, more = ''): boolean {
  const trusted = certificatesIn(roots);
  const [first, ...others] = certificatesIn(chain);
  const between = [...others, ...certificatesIn(more)];
  let at = first?.certificate;
  for (let depth = 0; at && depth < MAX_CERTIFICATES; depth++) {
    const one: X509Certificate = at;
    if (trusted.some(({ certificate }) => isSignedBy(one, certificate))) return true;
    at = between.find(({ certificate }) => certificate.fingerprint256 !== one.fingerprint256 && isSignedBy(one, certificate))?.certificate;
  }
  return false;
}

/** The server name (SNI) to dial with: it says which root is trusted first, so that a controller which has several chains shows that one. */
export function dialledName(roots: string): string {
  const [root] = certificatesIn(rootsIn(roots));
  if (!root) return CONTROLLER_NAME;
  return rootName(
    createHash('sha256')
      .update(root.certificate.publicKey.export({ type: 'spki', format: 'der' }))
      .digest(),
  );
}
