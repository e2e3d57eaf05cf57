import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { UsedApprovals } from './used-approvals.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-used-'));
afterAll(() => rmSync(root, { recursive: true }));
const NOW_MS = 1_790_000_000_000;
const MINUTE_MS = 60_000;
const folder = (): string => mkdtempSync(path.join(root, 'agent-'));
const plan = (n: number, endsMs = NOW_MS + n) => ({ planId: `p${n}`, expiresAtMs: endsMs });

it('a signed plan is taken once, also after a restart and whatever the clock was set to', () => {
  const directory = folder();
  let nowMs = NOW_MS;
  const open = () => new UsedApprovals(() => nowMs, directory);
  const first = open();
  first.take(plan(1));
  expect(() => first.take(plan(1))).toThrow('run here before');
  expect(() => first.take({ ...plan(1), expiresAtMs: NOW_MS + 5 })).toThrow('run here before');
  nowMs -= 30 * MINUTE_MS;
  expect(() => open().take(plan(1))).toThrow('run here before');
  open().take(plan(2));
  expect(() => open().take(plan(2))).toThrow('run here before');
});

it('one of another hour by the gateway’s own clock is refused', () => {
  const used = new UsedApprovals(() => NOW_MS);
  used.take(plan(1, NOW_MS - 60 * MINUTE_MS));
  used.take(plan(2, NOW_MS + 60 * MINUTE_MS));
  for (const endsMs of [NOW_MS - 61 * MINUTE_MS, NOW_MS + 61 * MINUTE_MS, 0, Number.MAX_SAFE_INTEGER, 2 ** 64, Number.NaN])
    expect(() => used.take(plan(3, endsMs))).toThrow('not of this hour');
});

it('what was forgotten for lack of room cannot be used again', () => {
  const directory = folder();
  const full = Array.from({ length: 1000 }, (_, n) => ({ planId: `p${n}`, endsMs: NOW_MS + n }));
  writeFileSync(path.join(directory, 'approvals.json'), JSON.stringify({ floorMs: 0, used: full }));
  const used = new UsedApprovals(() => NOW_MS, directory);
  for (let n = 1000; n < 1010; n++) used.take(plan(n));
  for (const again of [used, new UsedApprovals(() => NOW_MS, directory)])
    for (const n of [0, 9, 10, 500, 1009]) expect(() => again.take(plan(n))).toThrow('run here before');
  used.take(plan(2000));
});

it('a damaged file lets nothing be used until its owner removes it', () => {
  const directory = folder();
  new UsedApprovals(() => NOW_MS, directory).take(plan(1));
  for (const text of ['{', '{}', '{"floorMs":0,"used":[{"planId":1}]}', '']) {
    writeFileSync(path.join(directory, 'approvals.json'), text);
    const used = new UsedApprovals(() => NOW_MS, directory);
    expect(() => used.take(plan(2))).toThrow(
      expect.objectContaining({ code: 'GUARD_REFUSED', message: expect.stringContaining('cannot be read') }),
    );
  }
  rmSync(path.join(directory, 'approvals.json'));
  new UsedApprovals(() => NOW_MS, directory).take(plan(2));
});
