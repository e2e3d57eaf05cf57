import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What enrolment gave this gateway. Keys and certificates are PEM. */
export interface Identity { gatewayId: string; gatewayName: string; linkAddress: string; key: string; certificate: string; ca: string }

const FILES = { key: 'key.pem', certificate: 'certificate.pem', ca: 'ca.pem' } as const;

/** The identity in the state folder; undefined if this gateway is not enrolled. */
export function loadIdentity(directory: string): Identity | undefined {
  const file = path.join(directory, 'identity.json');
  if (!existsSync(file)) return undefined;
  const { gatewayId, gatewayName, linkAddress } = JSON.parse(readFileSync(file, 'utf8')) as Pick<Identity, 'gatewayId' | 'gatewayName' | 'linkAddress'>;
  const read = (name: string) => readFileSync(path.join(directory, name), 'utf8');
  return { gatewayId, gatewayName, linkAddress, key: read(FILES.key), certificate: read(FILES.certificate), ca: read(FILES.ca) };
}

/** Keeps the identity, readable by this user only. The file that says "enrolled" comes last. */
export function saveIdentity(directory: string, identity: Identity): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  for (const [field, name] of Object.entries(FILES)) write(name, identity[field as keyof typeof FILES]);
  write('identity.json', `${JSON.stringify({ gatewayId: identity.gatewayId, gatewayName: identity.gatewayName, linkAddress: identity.linkAddress }, null, 2)}\n`);

  function write(name: string, text: string): void {
    const file = path.join(directory, name);
    writeFileSync(`${file}.next`, text, { mode: 0o600 });
    renameSync(`${file}.next`, file);
  }
}
