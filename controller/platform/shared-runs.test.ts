import { describe, expect, it } from 'vitest';
import { SharedRuns } from './shared-runs.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work whose runs end when the test decides. */
function heldWork() {
  const ends: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  return { ends, work: (): Promise<number> => new Promise((resolve, reject) => ends.push({ resolve, reject })) };
}

describe('shared runs', () => {
  it('callers that arrive during a run wait for the next one and share it', async () => {
    const runs = new SharedRuns<number>();
    const { ends, work } = heldWork();
    const first = runs.run('k', work);
    const later = [runs.run('k', work), runs.run('k', work), runs.run('k', work)];
    await settled();
    expect(ends).toHaveLength(1);
    ends[0]!.resolve(1);
    expect(await first).toBe(1);
    await settled();
    const afterwards = runs.run('k', work);
    ends[1]!.resolve(2);
    expect(await Promise.all(later)).toEqual([2, 2, 2]);
    await settled();
    ends[2]!.resolve(3);
    expect([await afterwards, ends.length]).toEqual([3, 3]);
  });

  it('a failed run fails for its callers, and for nobody after', async () => {
    const runs = new SharedRuns<number>();
    const { ends, work } = heldWork();
    const first = runs.run('k', work).catch((error: Error) => error.message);
    const next = runs.run('k', work);
    ends[0]!.reject(new Error('broken'));
    expect(await first).toBe('broken');
    await settled();
    ends[1]!.resolve(2);
    expect(await next).toBe(2);
    await settled();
    const anew = runs.run('k', work);
    ends[2]!.resolve(3);
    expect(await anew).toBe(3);
  });

  it('other keys do not wait', async () => {
    const runs = new SharedRuns<number>();
    const { ends, work } = heldWork();
    const both = [runs.run('a', work), runs.run('b', work)];
    ends.forEach(({ resolve }, at) => resolve(at));
    expect(await Promise.all(both)).toEqual([0, 1]);
  });
});
