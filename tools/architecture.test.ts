import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { floorsOf, folderGraph, loopsOf } from './architecture/folders.ts';
import { ALLOWED, PLANTED } from './architecture/planted.ts';
import { RULES } from './architecture/rules.ts';
import { readSources, toSourceFile } from './architecture/source-files.ts';

const sources = readSources(path.resolve(import.meta.dirname, '..'));

describe('the house', () => {
  it.each(RULES.map((rule) => [rule.name, rule] as const))('holds: %s', (_, rule) => {
    expect(rule.violations(sources)).toEqual([]);
  });

  it('is read completely: every part has sources, and they import each other', () => {
    const small = ['proto', 'agent', 'controller', 'web', 'tools'].filter(
      (part) => sources.filter((source) => source.path.startsWith(`${part}/`)).length < 20,
    );
    expect(small).toEqual([]);
    expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(3000);
  });

  it('finds a way down from each folder', () => {
    for (const base of ['agent', 'controller', 'proto', 'web']) {
      const graph = folderGraph(sources, base);
      expect(loopsOf(graph)).toEqual([]);
      expect(floorsOf(graph)).toBeGreaterThan(1);
    }
  });
});

describe('a planted violation', () => {
  it.each(PLANTED.map((planted) => [`${planted.breaks}: ${planted.path}: ${planted.text}`, planted] as const))(
    'is found: %s',
    (_, planted) => {
      const house = [
        ...sources,
        ...[planted, ...(planted.with ? [planted.with] : [])].map(({ path: file, text }) => toSourceFile(file, text)),
      ];
      const broken = RULES.filter((rule) => rule.violations(house).length > 0).map(({ name }) => name);
      expect(broken.filter((name) => name.includes(planted.breaks))).toHaveLength(1);
    },
  );

  it('exists for every rule', () => {
    expect(RULES.map(({ name }) => name).filter((name) => !PLANTED.some(({ breaks }) => name.includes(breaks)))).toEqual([]);
  });

  it.each(ALLOWED.map((source) => [source.text, source] as const))('is not found in allowed code: %s', (_, source) => {
    expect(RULES.flatMap((rule) => rule.violations([toSourceFile(source.path, source.text)]))).toEqual([]);
  });
});
