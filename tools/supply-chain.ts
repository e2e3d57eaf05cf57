/** The parts of package.json and package-lock.json that decide which code is installed. */
export interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  scripts?: Record<string, string>;
}
export interface Lock {
  packages: Record<string, LockedPackage>;
}
interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
}

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
/** Packages pinned only by major version: Node's types follow the pinned Node. */
const MAJOR_ONLY: ReadonlySet<string> = new Set(['@types/node']);
/** Scripts that npm would run by itself. */
const LIFECYCLE = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];

/**
 * What could let in unreviewed code: floating versions, packages without a SHA-512, addresses other than a registry's, scripts that run at
 * install. Each is a sentence that names the package. `install`: the source of the program that calls npm.
 */
export function supplyChainProblems(manifest: Manifest, lock: Lock, install: string): string[] {
  const floating = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([name, version]) => !EXACT.test(version) && !MAJOR_ONLY.has(name),
  );
  const packages = Object.entries(lock.packages).filter(([place]) => place !== '');
  return [
    ...floating.map(([name, version]) => `${name} floats (${version}); name one version`),
    ...packages.flatMap(([place, { integrity, resolved, link }]) => [
      ...(link ? [`${place} is a link to a folder`] : []),
      ...(link || integrity?.startsWith('sha512-') ? [] : [`${place} has no SHA-512`]),
      ...(resolved !== undefined && !resolved.startsWith('https://') ? [`${place} comes from ${resolved}`] : []),
    ]),
    ...LIFECYCLE.filter((name) => manifest.scripts?.[name] !== undefined).map((name) => `package.json runs ${name} at install`),
    ...(/'ci', '--ignore-scripts'/.test(install) ? [] : ['dependencies are installed with their scripts']),
  ];
}
