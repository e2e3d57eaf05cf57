import { SHARED, startTestPostgres, urlsOf } from './database.ts';

/**
 * Starts one Postgres for all test files of a run, whose databases cost less than a server each. Files that crash, freeze or reconfigure
 * theirs start their own.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Projects that run together share it.
  if (process.env[SHARED] !== undefined) return undefined;
  const postgres = await startTestPostgres();
  process.env[SHARED] = urlsOf(postgres.server);
  return async () => {
    delete process.env[SHARED];
    await postgres.stop();
  };
}
