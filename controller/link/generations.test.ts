import fc from 'fast-check';
import { expect, it } from 'vitest';
import { judgeRenewal, judgeSession, type Certificates, type Presented } from './generations.ts';

const FRESH: Certificates = { generation: 1, keyHash: 'k1', used: 0 };

/** An agent as it is on disk: its certificate, and the key that it has asked for. */
interface Holder {
  certificate: Presented;
  pending?: string;
}

type Step = { kind: 'session' } | { kind: 'renew'; isAnswerLost: boolean };
const steps = fc.array(
  fc.oneof(
    fc.constant<Step>({ kind: 'session' }),
    fc.boolean().map((isAnswerLost): Step => ({ kind: 'renew', isAnswerLost })),
  ),
  { maxLength: 40 },
);

let keys = 1;
function take(known: Certificates, holder: Holder, step: Step): { known: Certificates; refused?: string } {
  if (step.kind === 'session') {
    const verdict = judgeSession(known, holder.certificate);
    return verdict.kind === 'good' ? { known: verdict.next } : { known, refused: verdict.kind };
  }
  holder.pending ??= `k${++keys}`;
  const verdict = judgeRenewal(known, holder.certificate, holder.pending);
  if (verdict.kind !== 'issue') return { known, refused: verdict.kind };
  if (!step.isAnswerLost) {
    holder.certificate = { generation: verdict.next.generation, keyHash: holder.pending };
    holder.pending = undefined;
  }
  return { known: verdict.next };
}

it('one holder is never refused, whatever answers are lost', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const holder: Holder = { certificate: { generation: 1, keyHash: 'k1' } };
      let known = FRESH;
      for (const step of all) {
        const after = take(known, holder, step);
        expect(after.refused).toBeUndefined();
        known = after.known;
      }
      expect(known.generation - holder.certificate.generation).toBeLessThanOrEqual(1);
    }),
  );
});

it('of two holders of one certificate the second to renew is found, and no two get the same generation', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), steps), { maxLength: 8 }), (turns) => {
      const holders: Holder[] = [{ certificate: { generation: 1, keyHash: 'k1' } }, { certificate: { generation: 1, keyHash: 'k1' } }];
      let known = FRESH;
      const renewed = [false, false];
      for (const [isSecond, all] of turns) {
        const [own, other] = isSecond ? [1, 0] : [0, 1];
        for (const step of all) {
          const { known: next, refused } = take(known, holders[own]!, step);
          if (step.kind === 'renew' && renewed[other]) expect(refused).toBeDefined();
          if (refused !== undefined) return;
          known = next;
          if (step.kind === 'renew') renewed[own] = true;
        }
      }
      expect(renewed[0] && renewed[1]).toBe(false);
    }),
  );
});

it('a certificate of before a restored backup is followed, and the one before it is superseded', () => {
  const newer: Presented = { generation: 4, keyHash: 'k4' };
  expect(judgeSession(FRESH, newer)).toEqual({ kind: 'good', next: { generation: 4, keyHash: 'k4', used: 4 } });
  expect(judgeRenewal(FRESH, newer, 'k5')).toEqual({ kind: 'issue', next: { generation: 5, keyHash: 'k5', used: 4 } });
  expect(judgeSession({ generation: 4, keyHash: 'k4', used: 4 }, { generation: 3, keyHash: 'k3' })).toEqual({ kind: 'superseded' });
});

it('two certificates of one generation with different keys are clones', () => {
  expect(judgeSession(FRESH, { generation: 1, keyHash: 'other' }).kind).toBe('clones');
  // From before generations were kept, and after a person has reinstated the gateway, no key is known.
  expect(judgeSession({ generation: 1, used: 1 }, { generation: 1, keyHash: 'other' }).kind).toBe('good');
});
