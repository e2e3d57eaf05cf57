import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { createAuth } from './access/auth.ts';
import { PasswordsService } from './access/passwords.service.ts';
import { UsersService } from './access/users.service.ts';
import { BreachedPasswords } from './platform/breached-passwords.ts';
import { readConfig } from './platform/config.ts';
import { Database } from './platform/database.ts';
import { createLogger } from './platform/logger.ts';
import { newSecret } from './platform/secret.ts';
import { openStateDir, readOrCreate } from './platform/state-dir.ts';
import { checkDatabase } from './prepare.ts';

/**
 * Creates the first administrator of a database, exactly once: `bootstrap --email E --name N`, with the password in --password or
 * CTFLEET_BOOTSTRAP_PASSWORD.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { email: { type: 'string' }, password: { type: 'string' }, name: { type: 'string' } } });
  const password = values.password ?? process.env.CTFLEET_BOOTSTRAP_PASSWORD;
  if (values.email === undefined || values.name === undefined || password === undefined) {
    throw new Error(
      'Pass --email, --name and the password (--password, or CTFLEET_BOOTSTRAP_PASSWORD to keep it out of the process list).',
    );
  }
  const config = readConfig(process.env);
  await checkDatabase(config.databaseUrl);
  await openStateDir(config.stateDir);
  const database = new Database(config);
  try {
    const auth = createAuth(
      config,
      database,
      await readOrCreate(config.stateDir, 'auth.secret', async () => newSecret()),
      createLogger(config.logLevel),
    );
    const passwords = new PasswordsService(await BreachedPasswords.open(config.breachedPasswordsFile));
    const id = await new UsersService(auth, passwords, database, Date.now).createFirst({
      email: values.email,
      password,
      name: values.name,
    });
    process.stdout.write(`${JSON.stringify({ msg: 'first administrator created', id })}\n`);
  } finally {
    await database.onApplicationShutdown();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
