import { describe, expect, it } from 'vitest';
import { hashSecret, isSecret, newSecret } from './secret.ts';

describe('a secret', () => {
  it('has 256 random bits, and no two are alike', () => {
    const all = Array.from({ length: 1000 }, newSecret);
    expect(new Set(all).size).toBe(1000);
    for (const secret of all) expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  });

  it('is recognised by its SHA-256 alone, in full', () => {
    const secret = newSecret();
    expect(isSecret(secret, hashSecret(secret))).toBe(true);
    expect(isSecret(`${secret}x`, hashSecret(secret))).toBe(false);
    expect(isSecret(secret, hashSecret(secret).subarray(0, 31))).toBe(false);
    expect(isSecret('', new Uint8Array(0))).toBe(false);
    expect(Buffer.from(hashSecret('a')).toString('hex')).toBe('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb');
  });
});
