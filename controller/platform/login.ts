import pg from 'pg';
import { scramVerifier } from './scram.ts';

/** The role that has the rights of the controller. It cannot log in; logins are its members. */
export const APP_ROLE = 'ctfleet_app';

interface Might {
  name: string;
  is_mighty: boolean;
  is_owner: boolean;
}

/** Whether a login could bypass row-level security: by its attributes, or as the owner of a table. */
const MIGHT = `
  SELECT rolname AS name, rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication AS is_mighty, EXISTS (
    SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND pg_has_role(rolname, relowner, 'MEMBER')
  ) AS is_owner
  FROM pg_roles WHERE rolname = `;

/**
 * Creates the login that the URL names, or sets its password from the URL, and makes it a member of the application's role only. `client`
 * is connected as the owner. Throws an Error if the URL names no user, or one with more rights than that.
 */
export async function prepareLogin(client: pg.Client, appUrl: string): Promise<void> {
  const { username, password } = new URL(appUrl);
  const name = decodeURIComponent(username);
  if (name === '') throw new Error('CTFLEET_DATABASE_URL names no user: write postgresql://ctfleet:PASSWORD@host/database.');
  const {
    rows: [known],
  } = await client.query<Might>(`${MIGHT} $1`, [name]);
  if (known && isTooMighty(known)) throw new Error(tooMighty(known));
  const role = pg.escapeIdentifier(name);
  const secret = password === '' ? '' : ` PASSWORD ${pg.escapeLiteral(scramVerifier(decodeURIComponent(password)))}`;
  await client.query(
    `${known ? 'ALTER' : 'CREATE'} ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS${secret}`,
  );
  await client.query(`GRANT ${APP_ROLE} TO ${role}`);
}

/** Throws an Error with the remedy if the connection's user has more rights than the controller may have. */
export async function checkLogin(client: pg.Client): Promise<void> {
  const {
    rows: [login],
  } = await client.query<Might>(`${MIGHT} session_user`);
  if (!login || isTooMighty(login)) throw new Error(tooMighty(login));
}

function isTooMighty({ is_mighty, is_owner }: Might): boolean {
  return is_mighty || is_owner;
}

function tooMighty(login: Might | undefined): string {
  return (
    `CTFLEET_DATABASE_URL logs in as ${login?.name ?? 'nobody known'}, which ${login?.is_mighty === false ? 'owns the tables' : 'rules the server'}: row-level security would not bind it. ` +
    'Give the controller a login of its own: set CTFLEET_MIGRATION_DATABASE_URL to what is now in CTFLEET_DATABASE_URL, ' +
    'CTFLEET_DATABASE_URL to postgresql://ctfleet:PASSWORD@host/database with a new password, and run `node build/controller/migrate.js`, which makes the login.'
  );
}
