import { describe, expect, it } from 'vitest';
import { Failures } from './failures.ts';

function stage() {
  const said: string[] = [];
  const say = (level: string) => (fields: object, message?: string) => {
    said.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  let nowMs = 1000;
  const failures = new Failures({ warn: say('warn') as never, info: say('info') as never }, () => nowMs);
  return {
    said,
    failures,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('a repeated failure', () => {
  it('is logged when it begins, every minute while it lasts, and when it is resolved', () => {
    const { said, failures, pass } = stage();
    for (let second = 0; second < 150; second++) {
      failures.failed('redis is away', 'refused', { queue: 'q' });
      pass(1000);
    }
    failures.worked('redis is away');
    expect(said).toEqual([
      'warn redis is away {"queue":"q","err":"refused"}',
      'warn redis is away {"queue":"q","err":"refused","alsoUnsaid":59}',
      'warn redis is away {"queue":"q","err":"refused","alsoUnsaid":59}',
      'info resolved: redis is away {"times":150,"seconds":150}',
    ]);
  });

  it('is not resolved if it had not begun, and begins again after it was resolved', () => {
    const { said, failures } = stage();
    failures.worked('a');
    failures.failed('a', 1);
    failures.worked('a');
    failures.worked('a');
    failures.failed('a', 2);
    expect(said.map((line) => line.slice(0, 12))).toEqual(['warn a {"err', 'info resolve', 'warn a {"err']);
  });

  it('is identified by its message: another failure is logged at once', async () => {
    const { said, failures } = stage();
    await failures.watch('a', () => Promise.reject(new Error('x')));
    await failures.watch('b', () => Promise.reject(new Error('x')));
    await failures.watch('a', () => Promise.resolve());
    expect(said.map((line) => line.slice(0, 7))).toEqual(['warn a ', 'warn b ', 'info re']);
  });
});
