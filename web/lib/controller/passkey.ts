'use client';

/** The options of a ceremony, as the controller sends them. */
type Options = { challenge: string } & Record<string, unknown>;

/** Browsers before 2025 have passkeys but not these ways to read and write them as JSON. */
export function canUsePasskeys(): boolean {
  return typeof PublicKeyCredential !== 'undefined' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;
}

/** Has the browser make a passkey; what it came to, as JSON. Throws an Error with a sentence if the person or the browser declines. */
export async function makePasskey(options: Options): Promise<never> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  return toJson(await navigator.credentials.create({ publicKey }).catch(declined));
}

/** Has the browser use a passkey of this site. Throws as `makePasskey` does. */
export async function usePasskeyOf(options: Options): Promise<never> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  return toJson(await navigator.credentials.get({ publicKey }).catch(declined));
}

function toJson(credential: Credential | null): never {
  if (!(credential instanceof PublicKeyCredential)) throw new Error('The browser gave no passkey.');
  return credential.toJSON() as never;
}

function declined(error: unknown): never {
  if (error instanceof DOMException && error.name === 'InvalidStateError') throw new Error('This device has a passkey of yours already.');
  if (error instanceof DOMException && error.name === 'NotAllowedError')
    throw new Error('No passkey was used: it was declined, or took too long.');
  throw error;
}
