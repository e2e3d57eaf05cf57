import * as oidc from 'openid-client';
import { readProfile, type Profile } from './profile.ts';

/** A provider may be slow; a person waits for it. */
const TIMEOUT_S = 5;
/** A session of ours lasts as long. */
const MAX_AGE_S = 12 * 3600;

/** A provider, as our client of it needs it. */
export interface ProviderSettings {
  issuer: string;
  clientId: string;
  clientSecret?: string;
  scopes: string;
  groupsClaim: string;
}

/** What is known only to us and to this sign-in. */
export interface Checks {
  state: string;
  nonce: string;
  verifier: string;
}

/** `unreachable`: there was no answer, or none that makes sense. `unverified`: there was one, and it proves nothing. */
export type ProviderFault = 'unreachable' | 'unverified' | 'denied';

/** Why a sign-in came to nothing. The message is for the log. */
export class ProviderError extends Error {
  readonly fault: ProviderFault;

  constructor(fault: ProviderFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}

/** What to keep for the answer. */
export function newChecks(): Checks {
  return { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() };
}

/** Reads a provider's discovery document; throws ProviderError `unreachable`. Nothing is kept, so that a changed key is seen at once. */
export async function discover({ issuer, clientId, clientSecret }: ProviderSettings): Promise<oidc.Configuration> {
  try {
    const config = await oidc.discovery(new URL(issuer), clientId, clientSecret, clientSecret === undefined ? oidc.None() : undefined, {
      timeout: TIMEOUT_S,
      // Only for a provider on this machine; see isGuarded in proto/http/providers.ts.
      execute: issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [],
    });
    const named = config.serverMetadata().issuer;
    // Of a provider for many organisations the library would take anybody's: the issuer must be one organisation's own.
    if (named.replace(/\/$/, '') !== issuer.replace(/\/$/, ''))
      throw Object.assign(new Error(`it calls itself ${named}`), { code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' });
    // The ID token's signature is checked against the provider's keys, although it comes from the provider itself.
    oidc.enableNonRepudiationChecks(config);
    return config;
  } catch (error) {
    throw new ProviderError('unreachable', messageOf(error), error);
  }
}

/** Where to send the browser. Throws ProviderError. */
export async function authorizationUrl(provider: ProviderSettings, callback: string, { state, nonce, verifier }: Checks): Promise<URL> {
  return oidc.buildAuthorizationUrl(await discover(provider), {
    redirect_uri: callback,
    scope: provider.scopes,
    // So that the provider says when it last asked for a proof (auth_time).
    max_age: String(MAX_AGE_S),
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
}

/**
 * Who came back, from the URL by which the browser did. The groups may be in the ID token or in the user's info. Throws ProviderError:
 * wrong issuer, audience, state, nonce or signature, a code that was used, a provider that says no.
 */
export async function profileFrom(provider: ProviderSettings, returned: URL, checks: Checks): Promise<Profile> {
  const config = await discover(provider);
  try {
    const tokens = await oidc.authorizationCodeGrant(config, returned, {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims()!;
    const info = config.serverMetadata().userinfo_endpoint ? await oidc.fetchUserInfo(config, tokens.access_token, claims.sub) : {};
    return readProfile(claims.sub, { ...info, amr: undefined, auth_time: undefined, ...claims }, provider.groupsClaim);
  } catch (error) {
    if (error instanceof oidc.AuthorizationResponseError) throw new ProviderError('denied', messageOf(error), error);
    throw new ProviderError(error instanceof TypeError ? 'unreachable' : 'unverified', messageOf(error), error);
  }
}

function messageOf(error: unknown): string {
  const { message, code, cause } = error as { message: string; code?: string; cause?: { message?: string } };
  return [message, code, cause?.message].filter((part) => typeof part === 'string' && part !== '').join('; ');
}
