import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fail } from './say.ts';
import { ROOT } from './set-up.ts';

/** One installed package in package-lock.json. */
interface Locked {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** Never read at run time: types, source maps of third-party code, Prisma's query compilers for other databases. */
export const UNREAD = /\.d\.[cm]?ts$|\/node_modules\/.*\.map$|\/query_compiler_\w+\.(?:cockroachdb|mysql|sqlite|sqlserver)\./;
const IMPORT = /^(?:import|export)\s+(?:[\w\s{},*$]+\sfrom\s+)?['"]([^'".][^'"]*)['"]|\bimport\(\s*['"]([^'".][^'"]*)['"]/gm;

/**
 * Paths of the packages that the compiled files of these folders import, and of all their dependencies. `besides`: those loaded without an
 * import.
 */
export function packagesFor(folders: string[], besides: string[] = []): Set<string> {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
  const places = new Set<string>();
  for (const name of [...importsOf(folders), ...besides])
    visit(find('', name) ?? fail(`The built code imports ${name}, which package-lock.json does not have.`));
  return places;

  function visit(place: string): void {
    if (places.has(place)) return;
    places.add(place);
    const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = packages[place]!;
    const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      // Optional ones for other platforms are not installed and thus skipped.
      const found = name.startsWith('@types/') ? undefined : find(place, name);
      if (found) visit(found);
    }
  }

  /** Where Node would resolve a package from another's path; undefined if it is not installed. */
  function find(from: string, name: string): string | undefined {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const place = path.posix.join(at, 'node_modules', name);
      if (packages[place] && globSync(place, { cwd: ROOT }).length > 0) return place;
      if (at === '') return undefined;
    }
  }
}

/** Names of the packages that the compiled files import. */
function importsOf(folders: string[]): Set<string> {
  const names = new Set<string>();
  for (const file of folders.flatMap((place) => globSync(`${place}/**/*.js`, { cwd: ROOT }))) {
    for (const [, plain, dynamic] of readFileSync(path.join(ROOT, file), 'utf8').matchAll(IMPORT)) {
      const specifier = (plain ?? dynamic)!;
      if (!specifier.startsWith('node:'))
        names.add(
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
  }
  return names;
}
