import { describe, expect, it } from 'vitest';
import { endsWithinMs, lastBeginning, subjectOf } from './subject.ts';

const FLOWS = { subject: 'flows', forSeconds: 300 };
const POLICY = { subject: 'policy', forSeconds: 120 };
const NOW = new Date(0);

describe('what a plan is of', () => {
  it('is flows unless it says that it is a policy', () => {
    expect([subjectOf(FLOWS), subjectOf(POLICY)]).toEqual(['flows', 'policy']);
  });

  it('decides how long a command may take: a policy may wait to be confirmed', () => {
    expect(endsWithinMs(FLOWS)).toBe(0);
    expect(endsWithinMs(POLICY)).toBe(180_000);
  });

  it('decides when the last wave has to have begun: the earlier ones may each wait to be confirmed', () => {
    expect(lastBeginning(FLOWS, 3, NOW, 1000).getTime()).toBe(5000);
    expect(lastBeginning(POLICY, 1, NOW, 1000).getTime()).toBe(1000);
    expect(lastBeginning(POLICY, 3, NOW, 1000).getTime()).toBe(5000 + 2 * 180_000);
  });
});
