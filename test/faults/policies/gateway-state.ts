import { readdirSync, readFileSync } from 'node:fs';
import type { Namespace } from '../../support/namespace.ts';

/** All that a policy can change on a gateway, as its own programs tell it; of its other rules, that they are what they were. */
export interface GatewayState {
  settings: string;
  policy: string;
  others: string;
}

const SETTINGS = 'cd /proc/sys/net/netfilter && grep -H . nf_conntrack_* | grep -v ^nf_conntrack_count:';

export function stateOf(namespace: Namespace): GatewayState {
  const ruleset = namespace.run('nft', 'list', 'ruleset');
  const tables = ruleset.split(/\n(?=table )/);
  const isOurs = (table: string): boolean => table.startsWith('table inet ctfleet_policy ');
  return {
    settings: namespace.run('sh', '-c', SETTINGS),
    policy: inOrder(tables.find(isOurs) ?? ''),
    others: tables.filter((table) => !isOurs(table)).join('\n'),
  };
}

/** The blocks of a table's listing. */
export function blocksOf(table: string): string[] {
  return table.split(/\n(?=\t\S[^\n]*{\n)/);
}

/** nft lists what is in a table as it was made; the order of chains, sets and objects means nothing. */
function inOrder(table: string): string {
  const [head = '', ...blocks] = blocksOf(table.replace(/\n}\n*$/, ''));
  return [head.trimEnd(), ...blocks.map((block) => block.trimEnd()).toSorted()].join('\n');
}

/** Processes that were started with this folder among their words: dead-men, and whoever changes the policy. */
export function processesOf(stateDir: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(stateDir);
      } catch {
        return false;
      }
    })
    .map(Number);
}
