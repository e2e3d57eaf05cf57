import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../set-up.ts';
import { NODE_VERSION, type Platform } from './platforms.ts';

/** A piece of software inside a package. */
export interface Component {
  name: string;
  version: string;
  licence: string;
  /** Text of its licence; absent where the package has none. */
  text?: string;
}

/** Reads name, version and licence of a package in a folder. */
export function componentIn(folder: string): Component {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const [file] = globSync('{LICENSE,LICENCE,License,license}{,.*}', { cwd: folder }).sort();
  return {
    name: String(name),
    version: String(version),
    licence: typeof license === 'string' ? license : 'UNKNOWN',
    text: file === undefined ? undefined : readFileSync(path.join(folder, file), 'utf8').trim(),
  };
}

/** Every package in the bundle, what stays outside it, and Node itself; by name. */
export function componentsOf(packages: string[], folders: string[], node: string): Component[] {
  const own = [...packages.map((place) => path.join(ROOT, place)), ...folders].map(componentIn);
  const [licence] = globSync('{LICENSE,share/doc/node/LICENSE}', { cwd: node });
  const engine = { name: 'node', version: NODE_VERSION, licence: 'MIT' };
  return [...own, { ...engine, text: licence === undefined ? undefined : readFileSync(path.join(node, licence), 'utf8').trim() }]
    .filter(({ name, version }, index, all) => all.findIndex((one) => one.name === name && one.version === version) === index)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
}

/** A bill of materials, CycloneDX 1.6. Without a serial number or a time, so that the same sources give the same bytes. */
export function billOfMaterials(version: string, { debian }: Platform, components: Component[]): string {
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name: 'ctfleet-agent', version, properties: [{ name: 'architecture', value: debian }] } },
    components: components.map(({ name, version: its, licence }) => ({
      type: name === 'node' ? 'platform' : 'library',
      name,
      version: its,
      licenses: [/ (?:OR|AND) /.test(licence) ? { expression: licence } : { license: { id: licence } }],
      purl: `pkg:${name === 'node' ? 'generic' : 'npm'}/${name.replace('@', '%40')}@${its}`,
    })),
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** All licences as one text. */
export function licencesOf(components: Component[]): string {
  const parts = components.map(({ name, version, licence, text }) => `${name} ${version}: ${licence}\n\n${text ?? `(${licence})`}\n`);
  return `ctfleet-agent contains the software below.\n\n${parts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}

/** `SHA256  path` of every file in a folder but the one that will have this list, by path. */
export function manifestOf(folder: string, self: string): string {
  const files = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((file) => file !== self)
    .sort();
  return files.map((file) => `${sha256(readFileSync(path.join(folder, file)))}  ${file}\n`).join('');
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
