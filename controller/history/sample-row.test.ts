import { describe, expect, it } from 'vitest';
import { totalsOf } from '../../proto/model/measures.ts';
import { lostBetween } from './sample-row.ts';

describe('packets lost for lack of an entry', () => {
  it('are drops and too-long chains, on all CPUs; failed inserts count the same packets again', () => {
    const before = [
      { cpu: 0, drop: 10, insertFailed: 5, chainToolong: 1 },
      { cpu: 1, drop: 0, insertFailed: 0, chainToolong: 0 },
    ];
    const after = [
      { cpu: 0, drop: 25, insertFailed: 20, chainToolong: 1 },
      { cpu: 1, drop: 2, insertFailed: 9, chainToolong: 3 },
    ];
    expect(lostBetween(totalsOf(before), totalsOf(after))).toBe(15 + 2 + 3);
  });

  it('after a restart of the gateway are all those since then', () => {
    expect(lostBetween(totalsOf([{ drop: 1000, chainToolong: 7 }]), totalsOf([{ drop: 3, chainToolong: 0 }]))).toBe(3);
  });

  it('are unknown if the kernel does not count drops, and exclude a limit that it does not have', () => {
    expect(lostBetween(totalsOf([{}]), totalsOf([{ drop: 1 }]))).toBeUndefined();
    expect(lostBetween(totalsOf([]), totalsOf([]))).toBeUndefined();
    expect(lostBetween(totalsOf([{ drop: 1 }]), totalsOf([{ drop: 4 }]))).toBe(3);
  });
});
