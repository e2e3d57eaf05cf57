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

describe('what fails again and again', () => {
  it('is told once when it begins, each minute while it lasts, and once when it is over', () => {
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
      'info over: redis is away {"times":150,"seconds":150}',
    ]);
  });

  it('is not said to be over if it had not begun, and begins again after it was over', () => {
    const { said, failures } = stage();
    failures.worked('a');
    failures.failed('a', 1);
    failures.worked('a');
    failures.worked('a');
    failures.failed('a', 2);
    expect(said.map((line) => line.slice(0, 12))).toEqual(['warn a {"err', 'info over: a', 'warn a {"err']);
  });

  it('is known by its message: another failure is told at once', async () => {
    const { said, failures } = stage();
    await failures.watch('a', () => Promise.reject(new Error('x')));
    await failures.watch('b', () => Promise.reject(new Error('x')));
    await failures.watch('a', () => Promise.resolve());
    expect(said.map((line) => line.slice(0, 7))).toEqual(['warn a ', 'warn b ', 'info ov']);
  });
});
