import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import { GuardFile, parseGuard } from './guard-file.ts';
import { LocalGuard, NO_RULES } from './local-guard.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-guard-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'guard.yaml');
const ask = { method: Method.METHOD_DELETE, flows: 10, tableCount: 100 };

describe('the limits of a tenant', () => {
  const alone = (flows: number, tableCount = 100_000) => ({ method: Method.METHOD_DELETE, flows, tableCount, limits: { flows: 5000, percentOfTable: 10 } });

  it('hold all that nobody else agreed to within ten minutes together, by whatever remediation', () => {
    let nowMs = 0;
    const guard = new LocalGuard(() => NO_RULES, () => nowMs);
    guard.allow(alone(3000));
    guard.allow({ ...alone(90_000), limits: undefined });
    expect(() => guard.allow(alone(2001))).toThrow(expect.objectContaining({ code: 'APPROVAL_NEEDED' }));
    guard.allow(alone(2000));
    nowMs = 10 * 60_000;
    guard.allow(alone(5000));
  });

  it('hold the share of a table as well, unless that is few flows', () => {
    const guard = new LocalGuard(() => NO_RULES, () => 0);
    guard.allow(alone(900, 1000));
    expect(() => guard.allow(alone(200, 5000))).toThrow(expect.objectContaining({ code: 'APPROVAL_NEEDED', message: expect.stringContaining('10 %') }));
  });
});

describe('a guard file', () => {
  it('says what may be done, and which flows no plan may touch', () => {
    const rules = parseGuard('methods: [delete, expire]\nprotect:\n  - filter: dport:5060\n    reason: trunk\nmostDeletesAMinute: 500\nmostPercentOfTable: 20\n');
    expect(rules).toMatchObject({ isReadOnly: false, methods: [Method.METHOD_DELETE, Method.METHOD_EXPIRE], mostDeletesAMinute: 500, mostPercentOfTable: 20, protections: [{ reason: 'trunk' }] });
    expect(rules.error).toBeUndefined();
  });

  it.each([
    ['is neither YAML nor JSON', '{ readOnly: true', '}'],
    ['says the same twice', 'readOnly: false\nreadOnly: true', 'unique'],
    ['is a list', '- readOnly', 'the file'],
    ['has a word that nobody knows', '{ "readonly": true }', 'readonly'],
    ['protects by a filter that is none', '{ "protect": [{ "filter": "dport:", "reason": "r" }] }', 'protect.0.filter'],
    ['protects by what only the controller knows', '{ "protect": [{ "filter": "tenant:acme", "reason": "r" }] }', 'protect.0.filter'],
    ['allows more than all', '{ "mostPercentOfTable": 101 }', 'mostPercentOfTable'],
  ])('that %s forbids everything, and says where it is wrong', (_, text, named) => {
    expect(parseGuard(text)).toMatchObject({ isReadOnly: true, error: expect.stringContaining(named) });
  });

  it('is read anew when it changes, and one that is wrong still protects what it did', () => {
    writeFileSync(file, '{ "protect": [{ "filter": "dport:5060", "reason": "trunk" }] }');
    const guard = new GuardFile(file, true);
    expect(guard.rules()).toMatchObject({ isReadOnly: false, protect: [{ reason: 'trunk' }] });
    writeFileSync(file, '{ "protect": ');
    expect(guard.rules()).toMatchObject({ isReadOnly: true, protect: [{ reason: 'trunk' }], error: expect.stringContaining(file) });
    writeFileSync(file, '{}');
    expect(guard.rules()).toMatchObject({ isReadOnly: false, protect: [] });
    rmSync(file);
    expect(guard.rules()).toMatchObject({ isReadOnly: true, error: expect.stringContaining('ENOENT') });
  });

  it('that is empty forbids nothing', () => {
    expect(parseGuard('# nothing yet\n')).toEqual({ ...NO_RULES, mostDeletesAMinute: undefined, mostPercentOfTable: undefined });
  });

  it('need not be there unless somebody named it', () => {
    expect(new GuardFile(path.join(folder, 'none.yaml'), false).rules()).toEqual(NO_RULES);
  });
});

describe('a minute’s budget', () => {
  it('is one for all who ask, and comes back as time goes by', () => {
    let nowMs = 1_000_000;
    const guard = new LocalGuard(() => ({ ...NO_RULES, mostDeletesAMinute: 25 }), () => nowMs);
    guard.allow(ask);
    nowMs += 30_000;
    guard.allow(ask);
    expect(() => guard.allow(ask)).toThrow(/mostDeletesAMinute: 10 flows and 20 of the last minute are more than 25/);
    nowMs += 30_000;
    guard.allow(ask);
  });

  it('is not spent by what was refused', () => {
    const guard = new LocalGuard(() => ({ ...NO_RULES, mostDeletesAMinute: 15 }), () => 0);
    expect(() => guard.allow({ ...ask, flows: 16 })).toThrow(/GUARD|guard/);
    guard.allow({ ...ask, flows: 15 });
  });
});
