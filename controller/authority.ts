import 'reflect-metadata';
import { open, readFile } from 'node:fs/promises';
import os from 'node:os';
import { parseArgs } from 'node:util';
import { AuditRepository } from './audit/audit.repository.ts';
import { AuditService } from './audit/audit.service.ts';
import { AuthorityService, type Actor } from './authority/authority.service.ts';
import { RootKeysService } from './authority/root-keys.service.ts';
import { AuthorityRepository } from './identity/authority.repository.ts';
import { AuthorityStore } from './identity/authority-store.service.ts';
import { readConfig } from './platform/config.ts';
import { Database } from './platform/database.ts';
import { createLogger } from './platform/logger.ts';
import { ReplicaNotifications } from './platform/replica-notifications.ts';
import { checkDatabase } from './prepare.ts';

const USAGE = `authority.js COMMAND
  show                                          who signs, and where a rotation stands
  export-root --out FILE                        writes the root's key, encrypted with a passphrase
  remove-root                                   forgets the key here, once it was exported
  import-root --in FILE                         puts it back, for a new intermediate
  use-intermediate --cert chain.pem --key k.pem prepares your company's own intermediate as the next
The passphrase is in CTFLEET_ROOT_PASSPHRASE, or in the file that CTFLEET_ROOT_PASSPHRASE_FILE names.`;

/** Looks after the authority's root at the command line of a controller, with its environment. Keys never leave over the network. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { out: { type: 'string' }, in: { type: 'string' }, cert: { type: 'string' }, key: { type: 'string' } },
  });
  const [command] = positionals;
  const config = readConfig(process.env);
  await checkDatabase(config.databaseUrl);
  const database = new Database(config);
  try {
    const logger = createLogger(config.logLevel);
    const notifications = new ReplicaNotifications(config, logger, Date.now);
    const repository = new AuthorityRepository(database);
    const store = new AuthorityStore(repository, notifications, database, config, logger, Date.now);
    await store.open();
    const audit = new AuditService(new AuditRepository(database), database, Date.now, logger);
    const keys = new RootKeysService(repository, store, audit, database, Date.now);
    const authority = new AuthorityService(repository, store, audit, notifications, database, Date.now);
    say(await run(command, values, { authority, keys }));
    await notifications.onApplicationShutdown();
  } finally {
    await database.onApplicationShutdown();
  }
}

interface Parts {
  authority: AuthorityService;
  keys: RootKeysService;
}

async function run(command: string | undefined, values: Record<string, string | undefined>, { authority, keys }: Parts): Promise<object> {
  const actor: Actor = { kind: 'system', id: 'authority.js', name: `${os.userInfo().username} at the command line` };
  switch (command) {
    case 'show':
      return authority.show('all');
    case 'export-root': {
      const file = needed(values.out, '--out FILE');
      return { msg: 'root exported', root: await keys.exportRoot(actor, await passphrase(), (text) => writeNew(file, text)), file };
    }
    case 'remove-root':
      return { msg: 'root key removed', root: await keys.removeRoot(actor) };
    case 'import-root':
      return {
        msg: 'root key put back',
        root: await keys.importRoot(actor, await readFile(needed(values.in, '--in FILE'), 'utf8'), await passphrase()),
      };
    case 'use-intermediate': {
      const [cert, key] = [needed(values.cert, '--cert chain.pem'), needed(values.key, '--key key.pem')];
      const { phase, steps } = await authority.prepareGiven(actor, await readFile(cert, 'utf8'), await readFile(key, 'utf8'));
      return { msg: 'intermediate prepared', phase, next: steps };
    }
    default:
      throw new Error(USAGE);
  }
}

/** Never over another file: it could be the only copy of another root. On disk before the export is noted. */
async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function passphrase(): Promise<string> {
  const { CTFLEET_ROOT_PASSPHRASE: text, CTFLEET_ROOT_PASSPHRASE_FILE: file } = process.env;
  return needed(text ?? (file && (await readFile(file, 'utf8')).replace(/\r?\n$/, '')), 'CTFLEET_ROOT_PASSPHRASE');
}

function needed(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw new Error(`${name} is missing.\n${USAGE}`);
  return value;
}

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
