import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Encryption } from './encryption.ts';

const key = (): string => randomBytes(32).toString('base64url');

describe('what is encrypted', () => {
  it('is read again with its key, and with no other', () => {
    const encryption = new Encryption(key());
    const sealed = encryption.close('whsec_a secret');
    expect(encryption.open(sealed)).toBe('whsec_a secret');
    expect(() => new Encryption(key()).open(sealed)).toThrow('unable to authenticate');
  });

  it('is refused after a change of any one byte, and when it is shortened', () => {
    const encryption = new Encryption(key());
    const sealed = encryption.close('whsec_a secret');
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at]! ^= 1;
      expect(() => encryption.open(changed)).toThrow('unable to authenticate');
    }
    for (let length = 0; length < sealed.length; length++)
      expect(() => encryption.open(sealed.subarray(0, length))).toThrow(/authenticat|Invalid|nonce|tag/i);
  });

  it('has a nonce of its own each time', () => {
    const encryption = new Encryption(key());
    const all = Array.from({ length: 1000 }, () => Buffer.from(encryption.close('the same').subarray(0, 12)).toString('hex'));
    expect(new Set(all).size).toBe(1000);
  });

  it('needs a key of 256 bits', () => {
    expect(() => new Encryption(randomBytes(16).toString('base64url')).close('x')).toThrow('Invalid key length');
  });
});
