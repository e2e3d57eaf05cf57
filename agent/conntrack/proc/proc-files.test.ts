import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { OpenSysctl } from './proc-files.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-sysctl-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a sysctl that appears after the agent started is found', () => {
  const count = new OpenSysctl('nf_conntrack_count', folder);
  expect(count.read()).toBeUndefined();
  writeFileSync(path.join(folder, 'nf_conntrack_count'), '42\n');
  expect(count.read()).toBe(42);
  count.close();
  expect(count.read()).toBe(42);
  count.close();
});
