import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WAIT_SCRIPT } from './wait-script.ts';

const [SOON, LATER] = ['1', '6000'];
const NOBODY = 2 ** 22 + 1;
const RECORD = `{"version":1}\n{"name":"é $(reboot) \\\\n %s '\\"","long":"${'x'.repeat(300_000)}"}\n`;
/** Keeps what it is told and reads; $0 is the file. */
const KEEPS = '{ echo "$@"; cat; } > "$0"';
/** The same, but for the first time. */
const FAILS_ONCE = `[ -e "$0.tried" ] || { : > "$0.tried"; exit 1; }; ${KEEPS}`;

describe('the script that waits for the deadline of a change', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-waits-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const file = (name: string): string => path.join(folder, name);
  const kept = (): string => readFileSync(file('kept'), 'utf8');

  /** Once it says that it is armed. `phase`: the file of the change. */
  async function start(phase: string, centiseconds: string, { changer = process.pid, program = KEEPS } = {}): Promise<ChildProcess> {
    writeFileSync(file(phase), '');
    const words = [folder, centiseconds, String(changer), '/bin/sh', '-c', program, file('kept'), 'told'];
    const child = spawn('/bin/sh', ['-c', WAIT_SCRIPT, 'waits', ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(RECORD);
    const [first] = (await once(child.stdout, 'data')) as [Buffer];
    expect(String(first)).toBe('armed\n');
    return child;
  }

  const ended = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  };

  test.each([
    ['its time is over', 'unconfirmed.json', SOON, process.pid],
    ['whoever carries the change out has died', 'changing.json', LATER, NOBODY],
  ])('starts the program when %s, with the record to the byte', async (_, phase, centiseconds, changer) => {
    await ended(await start(phase, centiseconds, { changer }));
    expect(kept() === `told\n${RECORD}`).toBe(true);
  });

  test('starts it at once on SIGTERM, and tells it so', async () => {
    const child = await start('unconfirmed.json', LATER);
    child.kill('SIGTERM');
    await ended(child);
    expect(kept() === `told now\n${RECORD}`).toBe(true);
  });

  test('starts it again until it has done its work', async () => {
    await ended(await start('unconfirmed.json', SOON, { program: FAILS_ONCE }));
    expect(kept() === `told\n${RECORD}`).toBe(true);
  });

  test('does nothing once the change is confirmed, and outlives whoever was carrying it out', async () => {
    const child = await start('changing.json', LATER);
    renameSync(file('changing.json'), file('unconfirmed.json'));
    child.kill('SIGHUP');
    renameSync(file('unconfirmed.json'), file('confirmed.json'));
    await ended(child);
    expect(kept).toThrow('ENOENT');
  });
});
