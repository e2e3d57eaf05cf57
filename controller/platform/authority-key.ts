import { readFile } from 'node:fs/promises';
import type { Config } from './config.ts';
import { Encryption } from './encryption.ts';
import { newSecret } from './secret.ts';
import { openStateDir, readOrCreate } from './state-dir.ts';

const FILE = 'authority.key';
const BYTES = 32;

/**
 * What encrypts the keys of the authority: the key from the environment, else from its file, else one in the state folder that is made the
 * first time. Throws an Error that names the variable and the remedy.
 */
export async function openAuthorityKey(
  config: Pick<Config, 'stateDir' | 'authorityKey' | 'authorityKeyFile'>,
): Promise<{ encryption: Encryption; from: string }> {
  const { stateDir, authorityKey, authorityKeyFile } = config;
  if (authorityKey !== undefined && authorityKeyFile !== undefined)
    throw new Error('CTFLEET_AUTHORITY_KEY and CTFLEET_AUTHORITY_KEY_FILE are both set. Set one of them.');
  if (authorityKey !== undefined) return { encryption: new Encryption(authorityKey), from: 'CTFLEET_AUTHORITY_KEY' };
  if (authorityKeyFile !== undefined) {
    const text = await readFile(authorityKeyFile, 'utf8').catch((cause: unknown) => {
      throw new Error(`CTFLEET_AUTHORITY_KEY_FILE: ${authorityKeyFile} cannot be read: ${(cause as Error).message}`, { cause });
    });
    if (Buffer.from(text.trim(), 'base64').length !== BYTES)
      throw new Error(
        `CTFLEET_AUTHORITY_KEY_FILE: ${authorityKeyFile} must contain 32 random bytes in base64, as openssl rand -base64 32 gives.`,
      );
    return { encryption: new Encryption(text.trim()), from: authorityKeyFile };
  }
  await openStateDir(stateDir);
  return { encryption: new Encryption(await readOrCreate(stateDir, FILE, async () => newSecret())), from: `${stateDir}/${FILE}` };
}
