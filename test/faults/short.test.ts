import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { NODE_FLAGS } from './programs.ts';

/** The last line that the harness prints, and how it ended. */
function runShort(...more: string[]): Promise<{ code: number | null; summary: Record<string, unknown>; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, path.join(import.meta.dirname, 'main.ts'), '--short', '--json', '--seed', '1', ...more],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, output, summary: JSON.parse(output.trimEnd().split('\n').at(-1) ?? '{}') as Record<string, unknown> }),
    );
  });
}

// Under a minute on an idle machine; build machines are busy.
it(
  'fourteen faults under two hundred commands lose, double, disorder or delay nothing, and every bug is caught',
  { timeout: 400_000 },
  async () => {
    const { code, summary, output } = await runShort();
    if (code !== 0) console.error(output);
    expect(summary).toMatchObject({
      summary: true,
      faults: 14,
      lost: 0,
      doubled: 0,
      disordered: 0,
      unfinished: 0,
      late: 0,
      violations: 0,
      unsound: 0,
      seededBugs: 35,
      caught: 35,
    });
    expect(summary.commands).toBeGreaterThanOrEqual(200);
    expect(code).toBe(0);
  },
);

it(
  'three replicas, of which one after another is killed, drained, stopped and cut off, lose nothing either',
  { timeout: 400_000 },
  async () => {
    const { code, summary, output } = await runShort('--replicas');
    if (code !== 0) console.error(output);
    expect(summary).toMatchObject({ faults: 4, lost: 0, doubled: 0, disordered: 0, unfinished: 0, late: 0, violations: 0 });
    expect(summary.commands).toBeGreaterThanOrEqual(60);
    expect(code).toBe(0);
  },
);
