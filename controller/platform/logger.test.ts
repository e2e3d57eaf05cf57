import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** What a program that logs this writes, line by line. */
function linesOf(statements: string, level = 'info'): string[] {
  const module = JSON.stringify(path.join(import.meta.dirname, 'logger.ts'));
  const program = `import { createLogger } from ${module};\nconst log = createLogger('${level}');\n${statements}`;
  const run = execFileSync(process.execPath, ['--experimental-transform-types', '--input-type=module', '-e', program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return run.trimEnd().split('\n');
}

describe('a line of the log', () => {
  it('is one line of JSON, whatever line breaks and control characters it quotes', () => {
    const hostile = 'x\r\n{"level":50,"msg":"forged"}\n\u001b[2J\u2028\u0085\u0000';
    const lines = linesOf(`log.info({ name: ${JSON.stringify(hostile)}, [${JSON.stringify(hostile)}]: 1 }, 'a constant message');`);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'a constant message', name: hostile, [hostile]: 1 });
    // oxlint-disable-next-line eslint/no-control-regex
    expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  });

  it('has a time with which it can be ordered, its level and a constant message', () => {
    const before = Date.now();
    const line = JSON.parse(linesOf(`log.warn({ gateway: 'g' }, 'something happened');`)[0]!) as { time: number };
    expect(line).toMatchObject({ level: 40, gateway: 'g', msg: 'something happened' });
    expect(line.time).toBeGreaterThanOrEqual(before);
    expect(line.time).toBeLessThanOrEqual(Date.now());
  });

  it('has no value under the name of a secret', () => {
    const [line] = linesOf(
      `log.info({ password: 'pw-1', body: { token: 'pw-2' }, headers: { cookie: 'pw-3', authorization: 'pw-4' } }, 'm');`,
    );
    expect(line).not.toMatch(/pw-\d/);
  });
});
