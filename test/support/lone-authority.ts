import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Authority } from '../../controller/identity/authority.ts';
import { DAY_MS, EC, makeIntermediate, makeRoot } from '../../controller/identity/certificates.ts';

/** An authority without a database: a root and an intermediate of its own. */
export async function loneAuthority(nowMs: number, gatewayMs?: number): Promise<Authority> {
  const root = await makeRoot(nowMs);
  const issuer = { id: 'lone', ...(await makeIntermediate(root, nowMs)), chain: '', root: root.certificate };
  return Authority.of({ rotation: { phase: 'steady', current: issuer.id }, issuers: new Map([[issuer.id, issuer]]) }, 1, gatewayMs);
}

/** What controllers before 0.2 kept in their state folder: a root that signs gateways itself. PEM. */
export async function oldAuthority(nowMs: number): Promise<{ key: string; certificate: string }> {
  const keys = await crypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '4001',
    name: 'CN=ctfleet',
    notBefore: new Date(nowMs - 300_000),
    notAfter: new Date(nowMs + 3650 * DAY_MS),
    signingAlgorithm: EC,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { key, certificate: certificate.toString('pem') };
}

/** Puts the authority of an earlier version into a new state folder. */
export async function oldStateFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'ctfleet-state-'));
  const { key, certificate } = await oldAuthority(Date.now());
  await writeFile(path.join(folder, 'ca.key.pem'), key, { mode: 0o600 });
  await writeFile(path.join(folder, 'ca.cert.pem'), certificate);
  return folder;
}
