import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_RULES, PRESETS } from './built-in.ts';
import { effectiveRules, type RulesLayer } from './effective.ts';
import { readRules } from './read.ts';
import { isBelow } from './rule.ts';
import { writeRules } from './write.ts';

const yaml = (rules: string, name = 'acme') =>
  `apiVersion: ctfleet/v1\nkind: AlertRules\nmetadata: { name: ${name} }\nspec:\n  rules: ${rules}\n`;
const problemsOf = (text: string) => {
  const read = readRules(text);
  return 'problems' in read ? read.problems : [];
};
const layer = (level: RulesLayer['level'], rules: string, name: string = level): RulesLayer => {
  const read = readRules(yaml(rules, name));
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return { documentId: name, level, document: read.document };
};
const named = (layers: RulesLayer[], name: string) => effectiveRules(layers).find((rule) => rule.name === name);

describe('a document of alert rules', () => {
  it.each([
    [
      'a rule that is not built in and has no kind',
      '{ mine: { raise: 3 } }',
      'spec.rules.mine',
      'add kind: usage, or time-to-full, or measure',
    ],
    ['a kind that operators cannot add', '{ mine: { kind: silent } }', 'spec.rules.mine.kind', 'use usage, time-to-full or measure'],
    ['another kind for a built-in rule', '{ drift: { kind: usage } }', 'spec.rules.drift.kind', 'use '],
    ['a level that is no share', '{ usage-warning: { raise: 130 } }', 'spec.rules.usage-warning.raise', 'write a number from 1 to 100'],
    [
      'levels that would raise and clear at once',
      '{ usage-warning: { raise: 80, clear: 81 } }',
      'spec.rules.usage-warning.clear',
      'write one that is not above it',
    ],
    [
      'the same of minutes',
      '{ time-to-full: { raise: 30m, clear: 20m } }',
      'spec.rules.time-to-full.clear',
      'write one that is not below it',
    ],
    [
      'a time without a unit',
      '{ usage-warning: { for: 10 } }',
      'spec.rules.usage-warning.for',
      'write 10s if seconds are meant, or use m, h or d',
    ],
    ['a silence that any restart is', '{ silent: { raise: 5s } }', 'spec.rules.silent.raise', 'write 60s to 30d'],
    ['a measure that there is not', '{ mine: { kind: measure, measure: cuont, raise: 1 } }', 'spec.rules.mine.measure', 'write count'],
    ['a measure without a level', '{ mine: { kind: measure, measure: count } }', 'spec.rules.mine', 'add raise: to it'],
    ['what the kind does not have', '{ guard: { raise: 3 } }', 'spec.rules.guard.raise', 'remove it'],
    ['a word that is nearly right', '{ usage-warning: { rais: 80 } }', 'spec.rules.usage-warning.rais', 'write raise'],
    [
      'a name that is none',
      '{ "My rule": { kind: usage, raise: 80 } }',
      'spec.rules.My rule',
      'use small letters, digits and hyphens, at most 64',
    ],
    ['a rule without a value', '{ drift: }', 'spec.rules.drift', 'give it one, or remove the key'],
  ])('with %s is refused with its place and cure', (_, rules, path, cure) => {
    expect(problemsOf(yaml(rules))).toContainEqual(expect.objectContaining({ line: 5, path, cure: expect.stringContaining(cure) }));
  });

  it('is written as it is read', () => {
    const text = yaml(
      '{ usage-warning: { raise: 80, for: 90s }, silent: { raise: 120s }, mine: { kind: measure, measure: newPerSecond, raise: 2000 } }',
    );
    const read = readRules(text);
    if ('problems' in read) throw new Error('is right');
    const written = writeRules(read.document);
    expect(written).toContain('    silent:\n      raise: 2m\n');
    expect(readRules(written)).toEqual(read);
  });

  it.each(PRESETS.map(({ name, document }) => [name, document]))('that is the preset %s is right', (_, document) => {
    expect(problemsOf(document!)).toEqual([]);
  });

  it('is read, or refused with places and cures, whatever it is', () => {
    const rule = fc.dictionary(
      fc.constantFrom('kind', 'enabled', 'severity', 'measure', 'raise', 'clear', 'for', 'clearFor', 'x', '__proto__'),
      fc.oneof(
        fc.constantFrom<unknown>('usage', 'measure', 'count', '10m', '-3s', 'critical', true, null, 80, 1e308, -1, [], {}),
        fc.string(),
      ),
    );
    const names = fc.oneof(fc.constantFrom(...BUILT_IN_RULES.map(({ name }) => name), 'mine', 'constructor', 'toString'), fc.string());
    const text = fc.oneof(
      fc.dictionary(names, rule).map((rules) => yaml(JSON.stringify(rules))),
      fc.string().map((piece) => yaml(piece)),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (one) => {
        const read = readRules(one);
        if ('document' in read) {
          expect(readRules(writeRules(read.document))).toEqual(read);
          for (const { kind, values } of effectiveRules([{ documentId: 'd', level: 'fleet', document: read.document }]))
            if (kind !== 'measure' && values.raise !== undefined && values.clear !== undefined)
              expect(isBelow({ kind, values }) ? values.clear >= values.raise : values.clear <= values.raise).toBe(true);
        } else for (const problem of read.problems) expect([problem.line >= 1, problem.cure !== '']).toEqual([true, true]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what holds on a gateway', () => {
  it('without a document is what is built in, all of it on', () => {
    expect(effectiveRules([]).every(({ isOn, origins }) => isOn && origins.isOn!.level === 'default')).toBe(true);
  });

  it('is merged value by value from the widest level to the narrowest, whatever the order, and says where each is from', () => {
    const layers = [
      layer('gateway', '{ usage-warning: { raise: 85 } }'),
      layer('fleet', '{ usage-warning: { raise: 80, clear: 75, severity: critical } }'),
      layer('site', '{ usage-warning: { enabled: false } }'),
    ];
    for (const order of [layers, layers.toReversed()])
      expect(named(order, 'usage-warning')).toMatchObject({
        isOn: false,
        severity: 'critical',
        values: { raise: 85, clear: 75, for: 600 },
        origins: { raise: { level: 'gateway' }, clear: { level: 'fleet' }, isOn: { level: 'site' }, for: { level: 'default' } },
      });
  });

  it('never clears above the level at which it raises, although two documents say so together', () => {
    expect(named([layer('site', '{ usage-warning: { raise: 60 } }')], 'usage-warning')!.values).toMatchObject({ raise: 60, clear: 60 });
  });

  it('has the rules of one’s own beside those that are built in', () => {
    const own = [
      layer('tenant', '{ mine: { kind: measure, measure: newPerSecond, raise: 10 } }'),
      layer('site', '{ mine: { kind: measure, measure: newPerSecond, raise: 20 } }'),
    ];
    expect(named(own, 'mine')).toMatchObject({ kind: 'measure', severity: 'warning', values: { raise: 20, measure: 'newPerSecond' } });
  });
});
