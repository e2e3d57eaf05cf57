import 'reflect-metadata';
import { PemConverter, Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A P-256 key (PKCS#8, PEM), which never leaves this gateway, and the request (PKCS#10, DER) that proves it. */
export interface RequestedKey {
  key: string;
  csr: Buffer;
}

/** A new key, and its request. */
export async function makeKey(name: string): Promise<RequestedKey> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name.replace(/[^\w.-]/g, '-')}`,
    keys,
    signingAlgorithm: EC,
  });
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { key: `${key}\n`, csr: Buffer.from(request.rawData) };
}
