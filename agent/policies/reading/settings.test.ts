import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSettings } from './settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

test('timeouts and switches are read, of whatever kernel, and nothing else', () => {
  put('nf_conntrack_udp_timeout', '30\n');
  put('nf_conntrack_quic_timeout_open', '7\n');
  put('nf_conntrack_acct', '0\n');
  put('nf_conntrack_count', '12\n');
  put('nf_hooks_lwtunnel', '0\n');
  mkdirSync(path.join(folder, 'nf_log'));
  expect(readSettings(folder)).toEqual({
    settings: { nf_conntrack_acct: 0, nf_conntrack_quic_timeout_open: 7, nf_conntrack_udp_timeout: 30 },
    unsettable: {},
    unread: [],
  });
});

test('a file that nobody may write is told with the cure', () => {
  chmodSync(put('nf_conntrack_max', '262144\n'), 0o444);
  put('nf_conntrack_acct', '1\n');
  expect(readSettings(folder).unsettable).toEqual({
    nf_conntrack_max: expect.stringMatching(/^it is one value for the whole machine.*set it on the host\.$/),
  });
});

test.each(['', 'many\n', '1 2\n', '12345678901\n'])('what is no whole number is told, not guessed: %j', (text) => {
  put('nf_conntrack_udp_timeout', text);
  expect(readSettings(folder)).toEqual({
    settings: {},
    unsettable: {},
    unread: ['nf_conntrack_udp_timeout cannot be read: it holds no whole number.'],
  });
});

test('a folder that cannot be read is told', () => {
  mkdirSync(path.join(folder, 'nf_conntrack_udp_timeout'));
  expect(readSettings(folder).unread).toEqual(['nf_conntrack_udp_timeout cannot be read: EISDIR.']);
  expect(readSettings(path.join(folder, 'not-there')).unread).toEqual([expect.stringContaining('nf_conntrack is not loaded')]);
});

test('of more files than any kernel has the rest is counted', () => {
  for (let n = 0; n < 205; n++) put(`nf_conntrack_x${n}_timeout`, '1\n');
  const { settings, unread } = readSettings(folder);
  expect([Object.keys(settings).length, unread]).toEqual([200, ['5 more settings were left out.']]);
});
