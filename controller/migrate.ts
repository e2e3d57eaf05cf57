import { z } from 'zod';
import { prepareDatabase } from './prepare.ts';

const url = z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgresql:// URL' });
const schema = z.object({ CTFLEET_MIGRATION_DATABASE_URL: url, CTFLEET_DATABASE_URL: url });

/**
 * Prepares a database for a controller of this version: applies migrations as CTFLEET_MIGRATION_DATABASE_URL, and creates the login that
 * CTFLEET_DATABASE_URL names.
 */
async function main(): Promise<void> {
  const parsed = schema.safeParse(process.env);
  if (!parsed.success)
    throw new Error(
      `The environment is not right:\n${parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`).join('\n')}`,
    );
  const applied = await prepareDatabase(parsed.data.CTFLEET_MIGRATION_DATABASE_URL, parsed.data.CTFLEET_DATABASE_URL);
  process.stdout.write(`${JSON.stringify({ msg: 'the database is ready', applied })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
