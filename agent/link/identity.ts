import path from 'node:path';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import { Disk } from '../disk/disk.ts';

/** What enrolment, or the last renewal, gave this gateway. Keys and certificates are PEM. */
export interface Identity {
  gatewayId: string;
  gatewayName: string;
  linkAddress: string;
  key: string;
  certificate: string;
  ca: string;
  /** SHA-256 of the join token that it came from, base64url: a token that is still in the environment is not tried again. */
  tokenHash?: string;
}

const FILE = 'identity.json';
/** Where agents of 0.1.0 kept what is now in one file, which a renewal replaces in one step. */
const OLD_FILES = { key: 'key.pem', certificate: 'certificate.pem', ca: 'ca.pem' } as const;
const pem = z.string().regex(/^-----BEGIN [A-Z ]+-----\n[^]+-----END [A-Z ]+-----\s*$/, 'it is not whole');
const schema = z.object({
  gatewayId: z.string(),
  gatewayName: z.string(),
  linkAddress: z.string(),
  key: pem.optional(),
  certificate: pem.optional(),
  ca: pem.optional(),
  tokenHash: z.string().optional(),
});

/**
 * The identity in the state folder; undefined if this gateway is not enrolled. Throws INVALID_REQUEST where it cannot be read: it is not
 * set aside, because a gateway that forgot who it is would take the next join token for a new one.
 */
export function loadIdentity(directory: string, disk = new Disk()): Identity | undefined {
  const read = (name: string): string => disk.files.readFileSync(path.join(directory, name), 'utf8');
  let name: string = FILE;
  let text: string;
  try {
    text = read(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path.join(directory, name), error);
  }
  try {
    const { key, certificate, ca, ...identity } = parsed(schema, JSON.parse(text));
    const old = (field: keyof typeof OLD_FILES): string => {
      name = OLD_FILES[field];
      return parsed(pem, read(name));
    };
    return { ...identity, key: key ?? old('key'), certificate: certificate ?? old('certificate'), ca: ca ?? old('ca') };
  } catch (error) {
    throw unreadable(path.join(directory, name), error);
  }
}

/**
 * Keeps the identity, readable by this user only; in one file, so that key and certificate always belong together. Throws what the file
 * system throws.
 */
export function saveIdentity(directory: string, identity: Identity, disk = new Disk()): void {
  disk.write(path.join(directory, FILE), `${JSON.stringify(identity, null, 2)}\n`);
  for (const name of Object.values(OLD_FILES)) disk.files.rmSync(path.join(directory, name), { force: true });
}

/** Throws an Error of one line. */
function parsed<T>(type: z.ZodType<T>, value: unknown): T {
  const { data, error } = type.safeParse(value);
  if (error) throw new Error([error.issues[0]!.path.join('.'), error.issues[0]!.message].filter(Boolean).join(': '));
  return data as T;
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
