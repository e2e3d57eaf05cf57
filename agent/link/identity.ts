import path from 'node:path';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Disk } from '../disk/disk.ts';

/** What enrolment gave this gateway. Keys and certificates are PEM. */
export interface Identity {
  gatewayId: string;
  gatewayName: string;
  linkAddress: string;
  key: string;
  certificate: string;
  ca: string;
}

const FILES = { key: 'key.pem', certificate: 'certificate.pem', ca: 'ca.pem' } as const;
const schema = z.object({ gatewayId: z.string(), gatewayName: z.string(), linkAddress: z.string() });

/**
 * The identity in the state folder; undefined if this gateway is not enrolled. Throws INVALID_REQUEST where it cannot be read: it is not
 * set aside, because a gateway that forgot who it is would take the next join token for a new one.
 */
export function loadIdentity(directory: string, disk = new Disk()): Identity | undefined {
  const read = (name: string): string => disk.files.readFileSync(path.join(directory, name), 'utf8');
  let name = 'identity.json';
  let text: string;
  try {
    text = read(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path.join(directory, name), error);
  }
  try {
    const identity = schema.parse(JSON.parse(text));
    const pem = (file: string): string => {
      name = file;
      const content = read(file);
      if (!/^-----BEGIN [A-Z ]+-----\n[^]+-----END [A-Z ]+-----\s*$/.test(content)) throw new Error('it is not whole');
      return content;
    };
    return { ...identity, key: pem(FILES.key), certificate: pem(FILES.certificate), ca: pem(FILES.ca) };
  } catch (error) {
    throw unreadable(path.join(directory, name), error);
  }
}

/** Keeps the identity, readable by this user only. The file that says "enrolled" comes last. Throws what the file system throws. */
export function saveIdentity(directory: string, { gatewayId, gatewayName, linkAddress, ...pems }: Identity, disk = new Disk()): void {
  for (const [field, name] of Object.entries(FILES)) disk.write(path.join(directory, name), pems[field as keyof typeof FILES]);
  disk.write(path.join(directory, 'identity.json'), `${JSON.stringify({ gatewayId, gatewayName, linkAddress }, null, 2)}\n`);
}

function unreadable(file: string, cause: unknown): FleetError {
  const cure = 'Put it back from a copy; or remove identity.json beside it and enrol the gateway again with a new join token';
  return new FleetError(
    'INVALID_REQUEST',
    `The identity of this gateway is damaged, ${file} cannot be read: ${(cause as Error).message}. ${cure}.`,
    {},
    { cause },
  );
}
