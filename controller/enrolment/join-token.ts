const TEXT = /^ctf1\.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/;

/**
 * `ctf1.<id>.<secret>.<pin>`: the pin is the SHA-256 of the CA's public key (SPKI, base64url), by which the agent recognises the
 * controller.
 */
export interface JoinToken {
  id: string;
  secret: string;
  pin: string;
}

export function formatJoinToken(token: JoinToken): string {
  return `ctf1.${token.id}.${token.secret}.${token.pin}`;
}

/** Undefined if the text is not a join token. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const [, id, secret, pin] = TEXT.exec(text) ?? [];
  return id === undefined || secret === undefined || pin === undefined ? undefined : { id, secret, pin };
}

/** The state of a token. */
export function joinTokenState(
  token: { usedAt: Date | null; revokedAt: Date | null; expiresAt: Date },
  nowMs: number,
): 'live' | 'used' | 'expired' | 'revoked' {
  if (token.usedAt) return 'used';
  if (token.revokedAt) return 'revoked';
  return token.expiresAt.getTime() <= nowMs ? 'expired' : 'live';
}
