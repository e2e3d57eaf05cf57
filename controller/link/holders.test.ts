import { describe, expect, it } from 'vitest';
import { judgeHolder, type Held } from './holders.ts';

const NOBODY: Held = { superseded: [], takeovers: 0, isAlive: false };

/** Connects starts of agents one after the other, each while the previous one is alive or not; returns the reason once two are found. */
function connect(instances: string[], { isAlive = false, everyMs = 1000 } = {}): string | undefined {
  let held: Held = NOBODY;
  for (const [at, instanceId] of instances.entries()) {
    const verdict = judgeHolder({ ...held, isAlive: isAlive && at > 0 }, instanceId, at * everyMs);
    if (verdict.kind === 'clones') return verdict.reason;
    held = { ...verdict.next, isAlive };
  }
  return undefined;
}

describe('the holder of a link', () => {
  it('may reconnect as often as it likes', () => {
    expect(connect(Array<string>(100).fill('a'))).toBeUndefined();
  });

  it('may be an agent in a crash loop', () => {
    expect(connect(Array.from({ length: 100 }, (_, start) => `start ${start}`))).toBeUndefined();
  });

  it('may be a new start whose previous session is not yet known to have ended', () => {
    expect(connect(['a', 'b'], { isAlive: true })).toBeUndefined();
    expect(
      connect(
        Array.from({ length: 100 }, (_, start) => `start ${start}`),
        { isAlive: true, everyMs: 30_000 },
      ),
    ).toBeUndefined();
  });

  it('is ambiguous if a superseded start comes back', () => {
    expect(connect(['a', 'b', 'a'])).toContain('two agents hold this identity');
    expect(connect(['a', 'b', 'c', 'd', 'b'], { everyMs: 3_600_000 })).toContain('two agents hold this identity');
  });

  it('is told from a clone by takeovers if agents do not report their start', () => {
    expect(connect(Array<string>(57).fill(''), { isAlive: true, everyMs: 350 })).toContain('taken 13 times');
    expect(connect(Array<string>(57).fill(''), { isAlive: true, everyMs: 30_000 })).toBeUndefined();
    expect(connect(Array<string>(57).fill(''), { isAlive: false, everyMs: 350 })).toBeUndefined();
  });
});
