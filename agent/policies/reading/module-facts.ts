import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ModuleFacts } from './helpers.ts';

/** Reads what this machine shows of its kernel's modules. Blocks for milliseconds: modules.dep has some thousand lines. */
export function readModuleFacts(root = '/'): ModuleFacts {
  const directory = path.join(root, 'lib/modules', os.release());
  const names = namesIn(directory);
  return {
    loaded: linesOf(path.join(root, 'proc/modules'), (line) => line.split(' ')[0]!),
    shown: namesIn(path.join(root, 'sys/module')),
    builtIn: linesOf(path.join(directory, 'modules.builtin'), moduleName),
    loadable: linesOf(path.join(directory, 'modules.dep'), (line) => moduleName(line.split(':')[0]!)) ?? modulesAmong(names),
    isLocked: textOf(path.join(root, 'proc/sys/kernel/modules_disabled'))?.trim() === '1',
    directory,
  };
}

/** `kernel/net/netfilter/nf_conntrack_ftp.ko.zst` is nf_conntrack_ftp; file names may have dashes, modules have not. */
function moduleName(file: string): string {
  return path.posix
    .basename(file.trim())
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/** OpenWrt keeps all modules in one folder, without an index. */
function modulesAmong(names: ReadonlySet<string> | undefined): ReadonlySet<string> | undefined {
  const modules = [...(names ?? [])].filter((name) => name.endsWith('.ko'));
  return modules.length === 0 ? undefined : new Set(modules.map(moduleName));
}

function linesOf(file: string, toName: (line: string) => string): ReadonlySet<string> | undefined {
  const text = textOf(file);
  return text === undefined ? undefined : new Set(text.split('\n').filter(Boolean).map(toName));
}

function namesIn(folder: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readdirSync(folder));
  } catch {
    return undefined;
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
