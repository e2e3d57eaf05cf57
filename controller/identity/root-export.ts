import { createCipheriv, createDecipheriv, createPrivateKey, randomBytes, scrypt, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Keyed } from './certificates.ts';

/** A quarter of a second and 128 MiB for each guess at the passphrase. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const;
const MAX_MEMORY = 256 * 1024 * 1024;
export const MIN_PASSPHRASE_LENGTH = 15;
const base64 = z.base64();
const schema = z.object({
  format: z.literal('ctfleet-root-1'),
  certificate: z.string(),
  salt: base64,
  nonce: base64,
  tag: base64,
  sealedKey: base64,
});

/** A root with its key as a file that only a passphrase opens: scrypt, AES-256-GCM. Throws INVALID_REQUEST for a short passphrase. */
export async function formatRoot({ certificate, key }: Keyed, passphrase: string): Promise<string> {
  if (passphrase.length < MIN_PASSPHRASE_LENGTH)
    throw new FleetError('INVALID_REQUEST', `The passphrase needs at least ${MIN_PASSPHRASE_LENGTH} characters. Nothing was written.`);
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt), nonce).setAAD(Buffer.from(certificate));
  const sealedKey = Buffer.concat([cipher.update(key, 'utf8'), cipher.final()]);
  const bytes = { salt, nonce, tag: cipher.getAuthTag(), sealedKey };
  const texts = Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, value.toString('base64')]));
  return `${JSON.stringify({ format: 'ctfleet-root-1', certificate, ...texts }, null, 2)}\n`;
}

/** The root of such a file. Throws INVALID_REQUEST for what is none, was changed, or has another passphrase. */
export async function parseRoot(text: string, passphrase: string): Promise<Keyed> {
  const wrong = (what: string, cause?: unknown) => new FleetError('INVALID_REQUEST', `${what} Nothing was changed.`, {}, { cause });
  let file: z.output<typeof schema>;
  try {
    file = schema.parse(JSON.parse(text));
  } catch (cause) {
    throw wrong('This is no root that authority.js export-root wrote, or not all of it.', cause);
  }
  const bytes = (name: 'salt' | 'nonce' | 'tag' | 'sealedKey'): Buffer => Buffer.from(file[name], 'base64');
  let key: string;
  try {
    const decipher = createDecipheriv('aes-256-gcm', await keyOf(passphrase, bytes('salt')), bytes('nonce'), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(file.certificate)).setAuthTag(bytes('tag'));
    key = Buffer.concat([decipher.update(bytes('sealedKey')), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw wrong('The passphrase is another, or the file was changed.', cause);
  }
  if (!new X509Certificate(file.certificate).checkPrivateKey(createPrivateKey(key))) throw wrong('The key is not that of its certificate.');
  return { certificate: file.certificate, key };
}

function keyOf(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, { ...COST, maxmem: MAX_MEMORY }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
