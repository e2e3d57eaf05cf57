import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { HelperState } from '../../../proto/model/policy/gateway-reading.ts';
import { helpersOf, type ModuleFacts } from './helpers.ts';
import { readModuleFacts } from './module-facts.ts';

const FTP = new Set(['nf_conntrack_ftp']);
const NONE = new Set<string>();
const NOTHING: ModuleFacts = {
  loaded: undefined,
  shown: undefined,
  builtIn: undefined,
  loadable: undefined,
  isLocked: false,
  directory: '/lib/modules/6.18.0',
};

function ftp(facts: Partial<ModuleFacts>, inUse: ReadonlySet<string> = NONE): { state: HelperState; evidence: string } {
  return helpersOf({ ...NOTHING, ...facts }, inUse).find(({ name }) => name === 'ftp')!;
}

test.each<[string, Partial<ModuleFacts>, HelperState]>([
  ['a module that is loaded', { loaded: FTP, shown: FTP, builtIn: NONE, loadable: FTP }, 'loaded'],
  ['one that is built in by the list of those', { loaded: NONE, builtIn: FTP, loadable: NONE }, 'built-in'],
  ['one that is shown, and not among those loaded', { loaded: NONE, shown: FTP }, 'built-in'],
  ['one that is shown where those loaded are not', { shown: FTP }, 'loaded'],
  ['a module that lies there', { loaded: NONE, shown: NONE, builtIn: NONE, loadable: FTP }, 'loadable'],
  ['the same where no module can be loaded any more', { loaded: NONE, builtIn: NONE, loadable: FTP, isLocked: true }, 'missing'],
  ['a kernel without it', { loaded: NONE, shown: NONE, builtIn: NONE, loadable: NONE }, 'missing'],
  ['a folder without it, that says nothing of what is built in', { loaded: NONE, shown: NONE, loadable: NONE }, 'unknown'],
  ['a container without modules', { loaded: NONE, shown: NONE }, 'unknown'],
  ['a machine that shows nothing', {}, 'unknown'],
])('%s', (_, facts, state) => {
  const found = ftp(facts);
  expect([found.state, found.evidence]).toEqual([state, expect.stringMatching(/nf_conntrack_ftp.*\.$/)]);
});

test('what a rule uses is there, whatever else is shown', () => {
  expect(ftp({}, new Set(['ftp'])).state).toBe('loaded');
  expect(ftp({}, new Set(['sip'])).state).toBe('unknown');
});

test('modules are found by the names that they have in each list', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-modules-'));
  const modules = path.join(root, 'lib/modules', os.release());
  mkdirSync(modules, { recursive: true });
  mkdirSync(path.join(root, 'sys/module/nf_conntrack_sip'), { recursive: true });
  mkdirSync(path.join(root, 'proc/sys/kernel'), { recursive: true });
  writeFileSync(path.join(root, 'proc/modules'), 'nf_conntrack_tftp 16384 0 - Live 0x0000000000000000\nnf_nat 1 2 - Live 0x0\n');
  writeFileSync(path.join(root, 'proc/sys/kernel/modules_disabled'), '1\n');
  writeFileSync(path.join(modules, 'modules.builtin'), 'kernel/net/netfilter/nf_conntrack_irc.ko\n');
  try {
    expect(readModuleFacts(root)).toEqual({
      loaded: new Set(['nf_conntrack_tftp', 'nf_nat']),
      shown: new Set(['nf_conntrack_sip']),
      builtIn: new Set(['nf_conntrack_irc']),
      loadable: undefined,
      isLocked: true,
      directory: modules,
    });
    writeFileSync(path.join(modules, 'nf_conntrack_pptp.ko'), '');
    expect(readModuleFacts(root).loadable).toEqual(new Set(['nf_conntrack_pptp']));
    writeFileSync(
      path.join(modules, 'modules.dep'),
      'kernel/net/netfilter/nf-conntrack-ftp.ko.zst: kernel/net/netfilter/nf_conntrack.ko.zst\nkernel/net/netfilter/nf_conntrack.ko.zst:\n',
    );
    expect(readModuleFacts(root).loadable).toEqual(new Set(['nf_conntrack_ftp', 'nf_conntrack']));
  } finally {
    rmSync(root, { recursive: true });
  }
});
