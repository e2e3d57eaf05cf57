import { z } from 'zod';
import { grant } from './access.ts';
import { id, idParams, name, shownName, time } from './common.ts';
import { defineRoute } from './route.ts';

/** In base64url, as browsers serialise what an authenticator says. */
const bytes = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\w-]+$/);
const credential = { id: bytes(2000), rawId: bytes(2000), type: z.literal('public-key') };

/** What `navigator.credentials.create()` came to, as its `toJSON()`. */
export const createdCredential = z.looseObject({
  ...credential,
  response: z.looseObject({
    clientDataJSON: bytes(8000),
    attestationObject: bytes(64_000),
    transports: z.array(z.string().max(20)).max(10).optional(),
  }),
});
/** What `navigator.credentials.get()` came to, as its `toJSON()`. */
export const usedCredential = z.looseObject({
  ...credential,
  response: z.looseObject({ clientDataJSON: bytes(8000), authenticatorData: bytes(8000), signature: bytes(8000) }),
});
/** The options of either, for `parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON`. */
export const browserOptions = z.looseObject({ challenge: z.string() });

export const passkey = z.object({
  id,
  name: shownName,
  /** Copied between devices by its maker; one that is not is lost with its device. */
  isSynced: z.boolean(),
  /** In base64 (SPKI), as a gateway’s guard file takes it; absent for a kind that plans are not signed with. */
  publicKey: z.string().optional(),
  createdAt: time,
  lastUsedAt: time.optional(),
});

export const ownSession = z.object({
  id,
  isThis: z.boolean(),
  address: z.string().optional(),
  userAgent: z.string().optional(),
  createdAt: time,
  expiresAt: time,
  /** When it last proved a second factor. */
  provedAt: time.optional(),
});

export const account = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string(),
  grants: z.array(grant),
  hasPassword: z.boolean(),
  hasTotp: z.boolean(),
  passkeys: z.array(passkey),
  /** Why no passkey can be used here at all: browsers accept none for an IP address. */
  passkeyRefusal: z.string().optional(),
  isSecondFactorDemanded: z.boolean(),
  sessions: z.array(ownSession),
});

export const getAccount = defineRoute({
  method: 'GET',
  path: '/account',
  action: 'account.self',
  isForPeople: true,
  summary: 'How the caller signs in, and where the caller is signed in',
  status: 200,
  response: account,
});
export const endSession = defineRoute({
  method: 'DELETE',
  path: '/account/sessions/{id}',
  action: 'account.self',
  isForPeople: true,
  summary: 'Ends one of the caller’s sessions at once; its open streams end within five seconds',
  params: idParams,
  status: 204,
});
export const endOtherSessions = defineRoute({
  method: 'POST',
  path: '/account/sessions:end',
  action: 'account.self',
  isForPeople: true,
  summary: 'Ends all of the caller’s sessions but this one',
  status: 200,
  response: z.object({ ended: z.number().int() }),
});
export const createPasskeyOptions = defineRoute({
  method: 'POST',
  path: '/account/passkeys:options',
  action: 'account.self',
  isForPeople: true,
  isSafe: true,
  needsProof: 'of-what-is-there',
  summary: 'What a browser needs to make a passkey; whoever has no second factor yet enters the password again',
  body: z.strictObject({ password: z.string().max(256).optional() }),
  status: 200,
  response: browserOptions,
});
export const addPasskey = defineRoute({
  method: 'POST',
  path: '/account/passkeys',
  action: 'account.self',
  isForPeople: true,
  needsProof: 'of-what-is-there',
  summary: 'Adds a passkey that was made with these options',
  body: z.strictObject({ name, response: createdCredential }),
  status: 201,
  response: passkey,
});
export const renamePasskey = defineRoute({
  method: 'PATCH',
  path: '/account/passkeys/{id}',
  action: 'account.self',
  isForPeople: true,
  summary: 'Renames a passkey',
  params: idParams,
  body: z.strictObject({ name }),
  status: 200,
  response: passkey,
});
export const removePasskey = defineRoute({
  method: 'DELETE',
  path: '/account/passkeys/{id}',
  action: 'account.self',
  isForPeople: true,
  needsProof: true,
  summary: 'Removes a passkey: nobody signs in with it any more',
  params: idParams,
  status: 204,
});
