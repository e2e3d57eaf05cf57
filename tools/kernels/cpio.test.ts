import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CpioWriter } from './cpio.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ctfleet-cpio-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What the kernel would unpack: names, kinds with modes, and contents. */
function read(bytes: Buffer): [name: string, mode: string, content: string][] {
  const found: [string, string, string][] = [];
  for (let at = 0; at < bytes.length;) {
    expect([at % 4, bytes.toString('latin1', at, at + 6)]).toEqual([0, '070701']);
    const field = (n: number): number => Number.parseInt(bytes.toString('latin1', at + 6 + 8 * n, at + 14 + 8 * n), 16);
    const nameEnd = at + 110 + field(11);
    const begin = Math.ceil(nameEnd / 4) * 4;
    found.push([bytes.toString('utf8', at + 110, nameEnd - 1), field(1).toString(8), bytes.toString('utf8', begin, begin + field(6))]);
    at = Math.ceil((begin + field(6)) / 4) * 4;
  }
  return found;
}

test('folders come before their contents, each once, and a second archive may follow the first', () => {
  const file = path.join(folder, 'root.cpio');
  const first = new CpioWriter(file);
  first.file('usr/bin/tool', 'text', 0o755);
  first.file('usr/bin/other', '12345');
  first.link('bin', 'usr/bin');
  first.close();
  const second = new CpioWriter(file, 'a');
  second.file('usr/more', '');
  second.close();
  expect(read(readFileSync(file))).toEqual([
    ['usr', '40755', ''],
    ['usr/bin', '40755', ''],
    ['usr/bin/tool', '100755', 'text'],
    ['usr/bin/other', '100644', '12345'],
    ['bin', '120777', 'usr/bin'],
    ['TRAILER!!!', '0', ''],
    ['usr', '40755', ''],
    ['usr/more', '100644', ''],
    ['TRAILER!!!', '0', ''],
  ]);
});
