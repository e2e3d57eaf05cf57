import path from 'node:path';
import { z } from 'zod';
import { Disk } from '../disk/disk.ts';
import { makeKey, type RequestedKey } from './certificate-request.ts';

const FILE = 'enrolment-key.json';
const schema = z.object({ for: z.string(), key: z.string().startsWith('-----BEGIN PRIVATE KEY-----'), csr: z.base64() });

/** What a key is for: another token, site or machine, such as a clone of this one, has another key. */
export interface EnrolmentFor {
  tokenHash: string;
  hostname: string;
  site?: string;
}

/**
 * The key with which this gateway enrols, kept until it has: after a restart it is the same, so that what people approved by its
 * fingerprint stays approved, and an answer that was lost is given again. Throws what the file system throws.
 */
export async function enrolmentKey(
  directory: string,
  { tokenHash, hostname, site = '' }: EnrolmentFor,
  disk = new Disk(),
): Promise<RequestedKey> {
  const file = path.join(directory, FILE);
  const whose = JSON.stringify([tokenHash, hostname, site]);
  const kept = read(file, disk);
  if (kept?.for === whose) return { key: kept.key, csr: Buffer.from(kept.csr, 'base64') };
  const made = await makeKey(hostname);
  disk.write(file, `${JSON.stringify({ for: whose, key: made.key, csr: made.csr.toString('base64') })}\n`);
  return made;
}

/** The gateway has enrolled: its key is part of its identity. */
export function forgetEnrolmentKey(directory: string, disk = new Disk()): void {
  disk.files.rmSync(path.join(directory, FILE), { force: true });
}

/** A key that cannot be read is worth nothing yet. */
function read(file: string, disk: Disk): z.output<typeof schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(disk.files.readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}
