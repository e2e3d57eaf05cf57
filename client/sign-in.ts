import { Client } from './client.ts';
import { readProblem } from './problem.ts';

export interface Credentials {
  email: string;
  password: string;
}

/**
 * Signs in with a password. Returns the headers of whoever has done so: the cookie, and the console's origin, which goes with it. Throws
 * ControllerError. A page needs none of this: its browser keeps the cookie.
 */
export async function signIn(
  origin: string,
  { email, password }: Credentials,
  consoleUrl: string,
): Promise<{ cookie: string; origin: string }> {
  const response = await new Client({ origin, headers: { origin: consoleUrl } }).send('/api/auth/sign-in/email', {
    method: 'POST',
    body: { email, password },
  });
  if (!response.ok) throw await readProblem(response);
  return { cookie: sessionCookie(response), origin: consoleUrl };
}

/** The cookies that an answer sets, as a request sends them. */
export function sessionCookie({ headers }: Response): string {
  return headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}
