import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSources } from './architecture/source-files.ts';
import { buildConsole, buildPrograms, ROOT } from './set-up.ts';

const read = (name: string): string => readFileSync(path.join(ROOT, name), 'utf8');
const sources = new Map(readSources(ROOT).map((file) => [file.path, file]));

/** The top folders of all sources that the given files import, directly or not, in order. */
function foldersReached(roots: string[]): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || !sources.has(file)) return;
    seen.add(file);
    sources.get(file)!.imports.forEach(({ target }) => [target, `${target}.ts`, `${target}.tsx`].forEach(visit));
  };
  roots.forEach(visit);
  return [...new Set([...seen].map((file) => file.split('/')[0]!))].sort();
}

const filesIn = (...folders: string[]): string[] => [...sources.keys()].filter((file) => folders.includes(file.split('/')[0]!));

describe('a build', () => {
  it.each([
    [buildPrograms, ['agent', 'controller']],
    [buildConsole, ['web']],
  ] as const)('$name is repeated when any of its source folders changed', (step, roots) => {
    expect(step.sources).toEqual(expect.arrayContaining(foldersReached(filesIn(...roots))));
  });

  it('in a container gets every source folder', () => {
    const given = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(given).toEqual(
      expect.arrayContaining(foldersReached([...filesIn('agent', 'controller', 'web'), 'tools/build.ts', 'tools/pack.ts'])),
    );
  });
});

describe('docker-compose.yml', () => {
  it('passes on every setting that docs/containers.md lists for .env', () => {
    const offered = [...read('docs/containers.md').matchAll(/^\| `(CTFLEET_\w+)` \|/gm)].map(([, name]) => name!);
    expect(offered.length).toBeGreaterThan(5);
    expect(offered.filter((name) => !read('docker-compose.yml').includes(`\${${name}:`))).toEqual([]);
  });
});
