import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROOT } from '../set-up.ts';
import { billOfMaterials, componentsOf, licencesOf, manifestOf } from './inventory.ts';
import { nativeFor, nodeFor, type Platform } from './platforms.ts';

const FILES = path.join(import.meta.dirname, 'files');
const LIB = 'usr/lib/ctfleet-agent';
const DOC = 'usr/share/doc/ctfleet-agent';
const MANIFEST = `${LIB}/manifest.sha256`;

/** What a tree is made from. */
export interface TreeOptions {
  platform: Platform;
  version: string;
  /** The folder with the bundle, and the packages inside it. */
  bundle: string;
  packages: string[];
}

/** Lays out every file that a package installs, below `root`. */
export function layOut(root: string, { platform, version, bundle, packages }: TreeOptions): void {
  const node = nodeFor(platform);
  const native = nativeFor(platform);
  const koffi = path.join(ROOT, 'node_modules/koffi');
  cpSync(bundle, path.join(root, LIB), { recursive: true });
  put(root, `${LIB}/package.json`, `${JSON.stringify({ name: 'ctfleet-agent', version, type: 'module', private: true })}\n`);
  copy(path.join(node, 'bin/node'), root, `${LIB}/node`, 0o755);
  for (const file of ['package.json', 'index.js', 'src/koffi/index.js', 'src/koffi/src/static.js'])
    copy(path.join(koffi, file), root, `${LIB}/node_modules/koffi/${file}`);
  for (const file of ['package.json', 'index.js', `linux_${platform.npm}/koffi.node`])
    copy(path.join(native.folder, file), root, `${LIB}/node_modules/${native.name}/${file}`);

  const install = (name: string, to: string, mode?: number): void => copy(path.join(FILES, name), root, to, mode);
  install('ctfleet-agent.sh', 'usr/bin/ctfleet-agent', 0o755);
  install('ctfleet-agent.service', 'usr/lib/systemd/system/ctfleet-agent.service');
  install('ctfleet-agent.sysusers', 'usr/lib/sysusers.d/ctfleet-agent.conf');
  install('ctfleet-agent.completion', 'usr/share/bash-completion/completions/ctfleet-agent');
  install('agent.env', 'etc/ctfleet/agent.env');
  install('guard.yaml.example', `${DOC}/examples/guard.yaml`);
  put(root, 'usr/share/man/man8/ctfleet-agent.8.gz', packed(readFileSync(path.join(FILES, 'ctfleet-agent.8'))));
  put(root, `${DOC}/changelog.gz`, packed(readFileSync(path.join(ROOT, 'CHANGELOG.md'))));

  const components = componentsOf(packages, [koffi, native.folder], node);
  put(root, `${DOC}/copyright`, licencesOf(components));
  put(root, `${DOC}/sbom.cdx.json`, billOfMaterials(version, platform, components));
  put(root, MANIFEST, manifestOf(root, MANIFEST));
}

/** Without name and time, as reproducible packages have it. */
function packed(bytes: Buffer): Buffer {
  return gzipSync(bytes, { level: 9 });
}

function copy(from: string, root: string, to: string, mode = 0o644): void {
  put(root, to, readFileSync(from), mode);
}

function put(root: string, file: string, bytes: string | Buffer, mode = 0o644): void {
  const place = path.join(root, file);
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, bytes);
  chmodSync(place, mode);
}
