// npm run migrate: applies prisma/migrations to CTFLEET_DATABASE_URL. The controller does the same at its start.
import path from 'node:path';
import { applyMigrations } from '../controller/platform/migrations.ts';
import { fail, say } from './say.ts';

const url = process.env.CTFLEET_DATABASE_URL;
if (!url) fail('Set CTFLEET_DATABASE_URL to the database, as its owner.');
try {
  const applied = await applyMigrations(url, path.resolve(import.meta.dirname, '../prisma/migrations'));
  say(applied.length > 0 ? `applied ${applied.join(', ')}` : 'the database is up to date');
} catch (error) {
  fail((error as Error).message);
}
