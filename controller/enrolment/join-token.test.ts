import { describe, expect, it } from 'vitest';
import { formatJoinToken, joinTokenState, parseJoinToken } from './join-token.ts';
import { formatSpiffe, parseSubjectAltName } from '../identity/gateway-identity.ts';

const id = '01a20c50-0000-7000-8000-00000000000a';
const token = { id, secret: 'a'.repeat(43), pin: 'b'.repeat(43) };

describe('a join token', () => {
  it('survives a round trip, and nothing else parses', () => {
    expect(parseJoinToken(formatJoinToken(token))).toEqual(token);
    for (const text of [
      '',
      'ctf1',
      `ctf2.${id}.${token.secret}.${token.pin}`,
      `${formatJoinToken(token)}.x`,
      formatJoinToken(token).toUpperCase(),
      formatJoinToken({ ...token, secret: 'short' }),
    ])
      expect(parseJoinToken(text)).toBeUndefined();
  });

  it('that was used stays used, even after its expiry', () => {
    const at = new Date(1000);
    expect(joinTokenState({ usedAt: at, revokedAt: null, expiresAt: at }, 5000)).toBe('used');
    expect(joinTokenState({ usedAt: null, revokedAt: at, expiresAt: at }, 5000)).toBe('revoked');
    expect(joinTokenState({ usedAt: null, revokedAt: null, expiresAt: at }, 1000)).toBe('expired');
    expect(joinTokenState({ usedAt: null, revokedAt: null, expiresAt: at }, 999)).toBe('live');
  });
});

describe('the name in a certificate', () => {
  it('is exactly one URI of ours and nothing else', () => {
    const identity = { tenantId: id, gatewayId: id.replace(/a$/, 'b') };
    const uri = formatSpiffe(identity);
    expect(parseSubjectAltName(`URI:${uri}`)).toEqual(identity);
    for (const text of [
      undefined,
      '',
      uri,
      `DNS:x, URI:${uri}`,
      `URI:${uri}, URI:${uri}`,
      `URI:${uri}/x`,
      `URI:${uri.replace('ctfleet', 'other')}`,
    ])
      expect(parseSubjectAltName(text)).toBeUndefined();
  });
});
