import { controller } from './client.ts';
import { ControllerError, readProblem, retryAfterSeconds, waitWords } from '../../../client/problem.ts';

/** Signs in with a password; the session is a cookie. Throws ControllerError with a readable sentence. */
export async function signIn(email: string, password: string): Promise<void> {
  const response = await controller.send('/api/auth/sign-in/email', { method: 'POST', body: { email, password } });
  if (response.ok) return;
  const said = await readProblem(response.clone());
  throw new ControllerError({ ...said.problem, detail: refusal(response, said) });
}

/** By which directories people sign in; none if that cannot be known now, since passwords work all the same. */
export async function listSignInProviders(): Promise<{ id: string; name: string }[]> {
  const response = await controller.send('/api/auth/oidc/providers', { method: 'GET' });
  return response.ok ? ((await response.json()) as { items: { id: string; name: string }[] }).items : [];
}

export interface LinkOwner {
  name: string;
  email: string;
  createdBy: string;
  expiresAt: string;
}

/** Whom a sign-in link is for. Throws ControllerError. */
export async function lookAtLink(token: string): Promise<LinkOwner> {
  const response = await controller.send('/api/auth/look-at-link', { method: 'POST', body: { token } });
  if (!response.ok) throw await readProblem(response);
  return (await response.json()) as LinkOwner;
}

/** Chooses a password by a sign-in link, which also signs in. Throws ControllerError. */
export async function choosePassword(token: string, password: string): Promise<void> {
  const response = await controller.send('/api/auth/use-link', { method: 'POST', body: { token, password } });
  if (!response.ok) throw await readProblem(response);
}

/** Ends this browser's session. */
export async function signOut(): Promise<void> {
  const response = await controller.send('/api/auth/sign-out', { method: 'POST', body: {} });
  if (!response.ok && response.status !== 401) throw await readProblem(response);
}

function refusal(response: Response, said: ControllerError): string {
  if (response.status === 429) {
    const seconds = retryAfterSeconds(response);
    const wait = seconds === undefined ? 'Wait a few minutes' : `Wait ${waitWords(seconds)}`;
    return `Too many wrong tries: signing in is locked for now. ${wait}, or ask an owner to reset the password.`;
  }
  if (response.status >= 500) return said.message;
  return 'This e-mail and password do not go together.';
}
