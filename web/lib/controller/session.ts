import { usePasskeyOf } from './passkey.ts';
import { controller, withProof } from './client.ts';
import { ControllerError, readProblem, retryAfterSeconds, waitWords } from '../../../client/problem.ts';

/** What is missing after the password: nothing, or a second factor, which is a code of an app or only a passkey. */
export type SignInStep = { isDone: true } | { isDone: false; hasCodes: boolean };

/** Signs in with a password; the session is a cookie. Throws ControllerError with a readable sentence. */
export async function signIn(email: string, password: string): Promise<SignInStep> {
  const response = await controller.send('/api/auth/sign-in/email', { method: 'POST', body: { email, password } });
  if (response.ok) return toStep(response);
  const said = await readProblem(response.clone());
  throw new ControllerError({ ...said.problem, detail: refusal(response, said) });
}

/** By which directories people sign in; none if that cannot be known now, since passwords work all the same. */
export async function listSignInProviders(): Promise<{ id: string; name: string }[]> {
  const response = await controller.send('/api/auth/oidc/providers', { method: 'GET' });
  return response.ok ? ((await response.json()) as { items: { id: string; name: string }[] }).items : [];
}

/** Whether a forgotten password is replaced by mail; false if that cannot be known now. */
export async function isResetOffered(): Promise<boolean> {
  const response = await controller.send('/api/auth/ways', { method: 'GET' });
  return response.ok && ((await response.json()) as { resetsByMail?: boolean }).resetsByMail === true;
}

/** Asks for a mail with a link to choose a new password. Throws ControllerError; never says whether somebody has the address. */
export async function askForPassword(email: string): Promise<void> {
  await post('forgot-password', { email });
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

/** Chooses a password by a sign-in link, which also signs in as far as a password does. Throws ControllerError. */
export async function choosePassword(token: string, password: string): Promise<SignInStep> {
  return toStep(await post('use-link', { token, password }));
}

/** A code of an authenticator app, or a recovery code: completes a sign-in, confirms a set-up, or proves. Throws ControllerError. */
export async function enterCode(code: string): Promise<void> {
  await post(`two-factor/${/^[\d\s]*$/.test(code) ? 'verify-totp' : 'verify-backup-code'}`, { code });
}

/** Signs in with a passkey alone. Throws ControllerError, or an Error if the browser has none. */
export async function signInByPasskey(): Promise<void> {
  await post('passkey/sign-in', { response: await usePasskeyOf(await passkeyOptions(false)) });
}

/** Proves a second factor with a passkey. Throws as `signInByPasskey` does. */
export async function proveByPasskey(): Promise<void> {
  await post('passkey/prove', { response: await usePasskeyOf(await passkeyOptions(true)) });
}

export interface NewCodes {
  totpURI: string;
  backupCodes: string[];
}

/** A new secret for an authenticator app, which counts once a code of it was entered. Throws ControllerError. */
export async function setUpCodes(password: string): Promise<NewCodes> {
  return withProof(async () => (await (await post('two-factor/enable', { password })).json()) as NewCodes);
}

export async function removeCodes(password: string): Promise<void> {
  await withProof(() => post('two-factor/disable', { password }));
}

/** New recovery codes; the earlier ones end. Throws ControllerError. */
export async function makeRecoveryCodes(password: string): Promise<string[]> {
  return withProof(async () => ((await (await post('two-factor/generate-backup-codes', { password })).json()) as NewCodes).backupCodes);
}

/** Ends all other sessions. Throws ControllerError. */
export async function changePassword(currentPassword: string, newPassword: string): Promise<void> {
  await withProof(() => post('change-password', { currentPassword, newPassword }));
}

/** Ends this browser's session. */
export async function signOut(): Promise<void> {
  const response = await controller.send('/api/auth/sign-out', { method: 'POST', body: {} });
  if (!response.ok && response.status !== 401) throw await readProblem(response);
}

async function passkeyOptions(isProof: boolean): Promise<{ challenge: string }> {
  return (await (await post('passkey/options', { isProof })).json()) as { challenge: string };
}

async function post(place: string, body: unknown): Promise<Response> {
  const response = await controller.send(`/api/auth/${place}`, { method: 'POST', body });
  if (!response.ok) throw await readProblem(response);
  return response;
}

async function toStep(response: Response): Promise<SignInStep> {
  const said = (await response.json()) as { twoFactorRedirect?: boolean; twoFactorMethods?: string[] };
  return said.twoFactorRedirect ? { isDone: false, hasCodes: said.twoFactorMethods?.includes('totp') ?? false } : { isDone: true };
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
