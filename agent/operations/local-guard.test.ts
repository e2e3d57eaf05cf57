import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import { GuardFile, parseGuard } from './guard-file.ts';
import { Lately } from './lately.ts';
import { LocalGuard, NO_RULES, refusalOf, type Ask, type GuardRules } from './local-guard.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-guard-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = path.join(folder, 'guard.yaml');
const ask: Ask = { by: 'plan', method: Method.METHOD_DELETE, flows: 10, stale: 0, tableCount: 1000 };

const BEN = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const approvalsFile = (change: object) =>
  JSON.stringify({
    approvals: {
      demandedFor: ['reset', 'block', 'whole-table'],
      console: 'https://ctfleet.example.net',
      keys: [{ name: 'Ben', publicKey: BEN }],
      ...change,
    },
  });

describe('the limits of a tenant', () => {
  const alone = (flows: number, tableCount = 100_000) => ({
    ...ask,
    by: 'remediation' as const,
    flows,
    tableCount,
    limits: { flows: 5000, percentOfTable: 10 },
  });

  it('apply to the sum of all unapproved flows within ten minutes, across remediations', () => {
    let nowMs = 0;
    const guard = new LocalGuard(() => ({ ...NO_RULES, mostPercentOfTable: 100 }), new Lately(() => nowMs));
    guard.allow(alone(3000));
    guard.allow({ ...alone(90_000), limits: undefined });
    expect(() => guard.allow(alone(2001))).toThrow(expect.objectContaining({ code: 'APPROVAL_NEEDED' }));
    guard.allow(alone(2000));
    nowMs = 10 * 60_000;
    guard.allow(alone(5000));
  });

  it('also apply to the share of a table, unless that is few flows', () => {
    const guard = new LocalGuard(() => ({ ...NO_RULES, mostPercentOfTable: 100 }), new Lately(() => 0));
    guard.allow(alone(900, 1000));
    expect(() => guard.allow(alone(200, 5000))).toThrow(
      expect.objectContaining({ code: 'APPROVAL_NEEDED', message: expect.stringContaining('10 %') }),
    );
  });
});

describe('deleting what is no flow', () => {
  const allowed = (rules: Partial<GuardRules>) => () =>
    new LocalGuard(() => ({ ...NO_RULES, ...rules }), new Lately(() => 0)).allowDeleting();

  it('is refused where nothing may be changed, where the guard file is unusable, and where only other methods may be used', () => {
    expect(allowed({ isReadOnly: true })).toThrow(/readOnly: nothing may be changed/);
    expect(allowed({ error: 'It cannot be read.' })).toThrow(/It cannot be read/);
    expect(allowed({ methods: [Method.METHOD_EXPIRE] })).toThrow(/methods: only expire/);
    expect(allowed({ isReadOnly: true })).toThrow(expect.objectContaining({ code: 'GUARD_REFUSED' }));
  });

  it('is allowed elsewhere, however little may be ended of the table', () => {
    allowed({})();
    allowed({ methods: [Method.METHOD_DELETE], mostDeletesAMinute: 0, mostPercentOfTable: 0 })();
  });
});

describe('a guard file', () => {
  it('defines what may be done, and which flows no plan may touch', () => {
    const rules = parseGuard(
      'methods: [delete, expire]\nprotect:\n  - filter: dport:5060\n    reason: trunk\nmostDeletesAMinute: 500\nmostPercentOfTable: 20\n',
    );
    expect(rules).toMatchObject({
      isReadOnly: false,
      methods: [Method.METHOD_DELETE, Method.METHOD_EXPIRE],
      mostDeletesAMinute: 500,
      mostPercentOfTable: 20,
      protections: [{ reason: 'trunk' }],
    });
    expect(rules.error).toBeUndefined();
  });

  it.each([
    ['is neither YAML nor JSON', '{ readOnly: true', '}'],
    ['has a duplicate key', 'readOnly: false\nreadOnly: true', 'unique'],
    ['is a list', '- readOnly', 'the file'],
    ['has an unknown key', '{ "readonly": true }', 'readonly'],
    ['protects by an invalid filter', '{ "protect": [{ "filter": "dport:", "reason": "r" }] }', 'protect.0.filter'],
    [
      'protects by a field that only the controller knows',
      '{ "protect": [{ "filter": "tenant:acme", "reason": "r" }] }',
      'protect.0.filter',
    ],
    ['allows more than 100 %', '{ "mostPercentOfTable": 101 }', 'mostPercentOfTable'],
    ['demands signatures by nobody', approvalsFile({ keys: [] }), 'approvals.keys'],
    ['demands signatures for an unknown word', approvalsFile({ demandedFor: ['delete'] }), 'approvals.demandedFor.0'],
    ['demands signatures for nothing', approvalsFile({ demandedFor: [] }), 'approvals.demandedFor'],
    ['has a key that is none', approvalsFile({ keys: [{ name: 'Ben', publicKey: 'AAAA' }] }), 'approvals.keys.0.publicKey'],
    ['has a console with a path', approvalsFile({ console: 'https://ctfleet.example.net/x' }), 'approvals.console'],
    ['has a console that is no address', approvalsFile({ console: 'ctfleet.example.net' }), 'approvals.console'],
  ])('that %s forbids everything, and the error names the place', (_, text, named) => {
    expect(parseGuard(text)).toMatchObject({ isReadOnly: true, error: expect.stringContaining(named) });
  });

  it('is read again when it changes, and an invalid one still protects what it did before', () => {
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
    expect(parseGuard('# nothing yet\n')).toEqual(NO_RULES);
  });

  it('may be absent unless it was configured explicitly', () => {
    expect(new GuardFile(path.join(folder, 'none.yaml'), false).rules()).toEqual(NO_RULES);
  });
});

describe('the signature of a second person', () => {
  const rules = parseGuard(approvalsFile({}));
  const allow = (change: Partial<Ask>) => new LocalGuard(() => rules, new Lately(() => 0)).allow({ ...ask, ...change });

  it('is demanded of plans that reset, block or clear a table, and of nothing else', () => {
    expect(rules.error).toBeUndefined();
    allow({});
    allow({ method: Method.METHOD_EXPIRE });
    for (const [change, word] of [
      [{ method: Method.METHOD_RESET, flows: 1 }, 'a reset needs the signature'],
      [{ method: Method.METHOD_BLOCK, flows: 0 }, 'a block needs the signature'],
      [{ flows: 950 }, 'clearing a whole table needs the signature'],
    ] as const)
      expect(() => allow(change)).toThrow(expect.objectContaining({ code: 'GUARD_REFUSED', message: expect.stringContaining(word) }));
  });

  it('cannot be had by a remediation, which acts without; relief of a full table, undo and what was allowed before a crash go on', () => {
    expect(() => allow({ by: 'remediation', method: Method.METHOD_RESET })).toThrow('Run a plan instead');
    expect(() => allow({ by: 'remediation', method: Method.METHOD_BLOCK })).toThrow('Run a plan instead');
    allow({ by: 'emergency', flows: 30, tableCount: 30 });
    allow({ by: 'undo', flows: 0, tableCount: 0 });
    allow({ method: Method.METHOD_RESET, isRepeated: true });
  });

  it('does not lift what else the file says', () => {
    const refusal = refusalOf({ ...rules, isReadOnly: true }, { ...ask, method: Method.METHOD_RESET }, { flows: 0, stale: 0, alone: 0 });
    expect(refusal?.detail).toContain('readOnly');
  });
});

describe('a minute’s budget', () => {
  it('is shared by all callers, and recovers over time', () => {
    let nowMs = 1_000_000;
    const guard = new LocalGuard(() => ({ ...NO_RULES, mostDeletesAMinute: 25 }), new Lately(() => nowMs));
    guard.allow(ask);
    nowMs += 30_000;
    guard.allow(ask);
    expect(() => guard.allow(ask)).toThrow(/mostDeletesAMinute: 10 flows and 20 of the last minute are more than 25/);
    nowMs += 30_000;
    guard.allow(ask);
  });

  it('is not spent by what was refused', () => {
    const guard = new LocalGuard(() => ({ ...NO_RULES, mostDeletesAMinute: 15 }), new Lately(() => 0));
    expect(() => guard.allow({ ...ask, flows: 16 })).toThrow(/GUARD|guard/);
    guard.allow({ ...ask, flows: 15 });
  });
});

describe('a share of the table', () => {
  const guarded = (rules: Partial<GuardRules>, directory?: string) => {
    const clock = { ms: 1_000_000 };
    return { clock, guard: new LocalGuard(() => ({ ...NO_RULES, ...rules }), new Lately(() => clock.ms, directory)) };
  };

  it('is counted over any minute: plans of a few per cent each add up to the same as one large one', () => {
    const { clock, guard } = guarded({ mostPercentOfTable: 10 });
    guard.allow({ ...ask, flows: 500, tableCount: 10_000 });
    guard.allow({ ...ask, by: 'remediation', flows: 500, tableCount: 9_500 });
    expect(() => guard.allow({ ...ask, flows: 10, tableCount: 9_000 })).toThrow(
      'mostPercentOfTable: 10 flows and 1000 of the last minute are more than 10 % of 10000. Narrow the filter, or wait a minute.',
    );
    expect(() => guard.allow({ ...ask, by: 'emergency', flows: 10, tableCount: 9_000 })).toThrow('mostPercentOfTable');
    clock.ms += 60_000;
    guard.allow({ ...ask, flows: 10, tableCount: 9_000 });
  });

  it('is half of the table within a minute unless the owner sets it, and few flows are always allowed', () => {
    const { guard } = guarded({});
    guard.allow({ ...ask, flows: 1000, tableCount: 1000 });
    expect(() => guard.allow({ ...ask, flows: 1, tableCount: 0 })).toThrow(
      /No more than 50 % of a table are ended within a minute, and 1 flows and 1000 of the last minute are more of 1000.*guard file/,
    );
    guard.allow({ ...ask, flows: 500, tableCount: 5_000 });
  });

  it('does not count flows that the gateway itself sees as stale: a full WAN may fail over', () => {
    const { guard } = guarded({});
    guard.allow({ ...ask, flows: 9_000, stale: 8_500, tableCount: 10_000 });
    expect(() => guard.allow({ ...ask, flows: 6_000, stale: 0, tableCount: 1_000 })).toThrow('50 %');
    expect(() => guarded({ mostPercentOfTable: 50 }).guard.allow({ ...ask, flows: 9_000, stale: 9_000, tableCount: 10_000 })).toThrow(
      'mostPercentOfTable',
    );
  });

  it('is never exceeded within a minute, whatever is asked and in whatever portions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2_001, max: 100_000 }), fc.array(fc.nat(30_000), { maxLength: 40 }), (table, asks) => {
        const { guard } = guarded({});
        let left = table;
        for (const flows of asks) {
          try {
            guard.allow({ ...ask, flows: Math.min(flows, left), tableCount: left });
            left -= Math.min(flows, left);
          } catch {
            /* refused */
          }
        }
        expect(table - left).toBeLessThanOrEqual(Math.max(1000, table / 2));
      }),
    );
  });

  it('has no new allowance after a restart, even if the gateway’s clock was set back in the meantime', () => {
    const directory = mkdtempSync(path.join(folder, 'lives-'));
    guarded({}, directory).guard.allow({ ...ask, flows: 5_000, tableCount: 10_000 });
    expect(() => guarded({}, directory).guard.allow({ ...ask, flows: 100, tableCount: 5_000 })).toThrow('50 %');
    const back = new Lately(() => 10, directory);
    expect(back.ended()).toEqual({ flows: 5_000, stale: 0, alone: 0 });
    writeFileSync(path.join(directory, 'lately.json'), '{');
    expect(new Lately(() => 10, directory).ended()).toEqual({ flows: 0, stale: 0, alone: 0 });
  });

  it('is not counted again for a command that a crash interrupted', () => {
    const { guard } = guarded({});
    guard.allow({ ...ask, flows: 5_000, tableCount: 10_000 });
    guard.allow({ ...ask, flows: 5_000, tableCount: 6_000, isRepeated: true });
    expect(() => guarded({ isReadOnly: true }).guard.allow({ ...ask, isRepeated: true })).toThrow('readOnly');
  });
});

describe('an undo', () => {
  it('does not count, and is refused where nothing may be changed', () => {
    const none = { flows: 0, stale: 0, alone: 0 };
    expect(refusalOf({ ...NO_RULES, mostDeletesAMinute: 0, mostPercentOfTable: 0 }, { ...ask, by: 'undo' }, none)).toBeUndefined();
    expect(refusalOf({ ...NO_RULES, isReadOnly: true }, { ...ask, by: 'undo' }, none)).toMatchObject({ code: 'GUARD_REFUSED' });
    expect(refusalOf({ ...NO_RULES, methods: [Method.METHOD_EXPIRE] }, { ...ask, by: 'undo' }, none)).toMatchObject({
      code: 'GUARD_REFUSED',
    });
  });
});

describe('the limits of a gateway’s tenant', () => {
  const of = (limits: Ask['limits'], flows: number, tableCount: number) =>
    refusalOf(NO_RULES, { ...ask, by: 'remediation', flows, tableCount, limits }, { flows: 0, stale: 0, alone: 0 });

  it('are enforced on the gateway, with a remedy in the message', () => {
    expect(of({ flows: 100, percentOfTable: undefined }, 101, 100_000)).toMatchObject({
      code: 'APPROVAL_NEEDED',
      detail: expect.stringContaining('second person'),
    });
    expect(of({ flows: undefined, percentOfTable: 5 }, 1_001, 20_000)).toMatchObject({ code: 'APPROVAL_NEEDED' });
    expect(of({ flows: 5_000, percentOfTable: 5 }, 1_000, 1_000)).toBeUndefined();
    expect(of(undefined, 5_000, 100_000)).toBeUndefined();
  });
});
