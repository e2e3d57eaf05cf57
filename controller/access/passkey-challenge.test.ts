import { expect, it } from 'vitest';
import { isOwnChallenge, sealChallenge } from './passkey-challenge.ts';

const NOW = Date.UTC(2026, 10, 30);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const made = text(sealChallenge('key', 'sign-in', new Uint8Array(16).fill(7), NOW));

it('a challenge counts for its key, its purpose and five minutes', () => {
  expect(isOwnChallenge('key', 'sign-in', made, NOW + 299_999)).toBe(true);
  expect(isOwnChallenge('key', 'sign-in', made, NOW + 300_000)).toBe(false);
  expect(isOwnChallenge('other', 'sign-in', made, NOW)).toBe(false);
  expect(isOwnChallenge('key', 'add 1', made, NOW)).toBe(false);
});

it('nothing else does', () => {
  for (const bad of ['', 'AAAA', made.slice(0, -2), `${made}AA`, `C${made.slice(1)}`])
    expect(isOwnChallenge('key', 'sign-in', bad, NOW)).toBe(false);
});
