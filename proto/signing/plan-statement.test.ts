import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { challengeOf, partProofs, planDigest, planDigestFrom } from './plan-statement.ts';

const part = (n: number) => ({ gatewayId: `g${n}`, digest: createHash('sha256').update(`flows of ${n}`).digest() });
const PARTS = [3, 1, 2].map(part);
const RESET = { method: 'reset', forSeconds: 10 };

it('the digest depends on the way, on every part, and not on their order', () => {
  const digest = planDigest(RESET, PARTS);
  expect(planDigest(RESET, PARTS.toReversed())).toBe(digest);
  const others = [
    planDigest({ ...RESET, method: 'delete' }, PARTS),
    planDigest({ ...RESET, forSeconds: undefined }, PARTS),
    planDigest({ ...RESET, forSeconds: 11 }, PARTS),
    planDigest({ ...RESET, maxDrift: 10 }, PARTS),
    planDigest(RESET, PARTS.slice(1)),
    planDigest(RESET, [...PARTS, part(4)]),
    planDigest(RESET, [...PARTS.slice(1), { ...PARTS[0]!, digest: Buffer.alloc(32) }]),
    planDigest(RESET, [...PARTS.slice(1), { ...PARTS[0]!, gatewayId: 'g9' }]),
    planDigest(RESET, []),
  ];
  expect(new Set([digest, ...others]).size).toBe(others.length + 1);
});

it('each gateway finds the digest from its own part, and from no other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), (count, at) => {
      const parts = Array.from({ length: count }, (_, n) => part(n));
      const proofs = partProofs(parts);
      const own = parts[at % count]!;
      const digest = planDigest(RESET, parts);
      expect(planDigestFrom(RESET, own, proofs.get(own.gatewayId)!)).toBe(digest);
      expect(planDigestFrom(RESET, { ...own, digest: Buffer.alloc(32) }, proofs.get(own.gatewayId)!)).not.toBe(digest);
      expect(planDigestFrom(RESET, { ...own, gatewayId: 'gx' }, proofs.get(own.gatewayId)!)).not.toBe(digest);
      expect(planDigestFrom({ ...RESET, forSeconds: 3600 }, own, proofs.get(own.gatewayId)!)).not.toBe(digest);
    }),
  );
});

it('the challenge depends on plan, digest, end and person, however they are spelled', () => {
  const statement = { planId: 'p', digest: 'd', expiresAtMs: 1, approverId: 'a' };
  const challenges = [
    statement,
    { ...statement, planId: 'q' },
    { ...statement, digest: 'e' },
    { ...statement, expiresAtMs: 2 },
    { ...statement, approverId: 'b' },
    { ...statement, planId: 'p","d' },
    { ...statement, approverId: '1' },
  ].map((one) => Buffer.from(challengeOf(one)).toString('hex'));
  expect(new Set(challenges).size).toBe(challenges.length);
  expect(challenges[0]).toBe(createHash('sha256').update('["ctfleet approval 1","approve","p","d",1,"a"]').digest('hex'));
});
