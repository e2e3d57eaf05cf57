import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { changeNfTables } from '../../../agent/firewall/tables/nf-batch.ts';
import { rulesIn } from '../../../agent/policies/rules-in.ts';
import { readRuleset } from '../../../agent/policies/read-ruleset.ts';
import { rulesetOf } from '../../../agent/policies/ruleset.ts';
import type { PolicyTable } from '../../../agent/policies/policy-table.ts';
import { isAsMade } from '../../../agent/policies/as-made.ts';
import { tableFiles } from '../../../agent/policies/table-files.ts';
import { removedTable, replacement } from '../../../agent/policies/table-messages.ts';
import { readKernelTable } from '../../../agent/firewall/rules/kernel-ruleset.ts';
import { FAMILY } from '../../../agent/firewall/rules/ruleset.ts';
import { canonicalRule } from '../../../proto/model/policy/canonical-rule.ts';
import type { PolicyDocument } from '../../../proto/model/policy/document.ts';
import { effectivePolicy } from '../../../proto/model/policy/effective.ts';
import { readPolicy } from '../../../proto/model/policy/read.ts';
import { writePolicy } from '../../../proto/model/policy/write.ts';
import { arbitraryDocument, HOSTILE } from '../../support/arbitrary-policy.ts';
import { Namespace } from '../../support/namespace.ts';
import { Findings, Progress, Tally, type TrialOptions, type TrialReport } from './findings.ts';
import { Random } from './random.ts';

/** Documents whose tables are in the kernel together, each by a name of its own. */
const AT_ONCE = 40;
const OUR_NAME = 'ctfleet_policy';
/** Somebody else's table, which no document may change. */
const NEIGHBOUR = 'table inet fw {\n\tchain input {\n\t\tip saddr 192.0.2.1 drop\n\t}\n}\n';
const WARM = 5000;
const FOLDER = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-documents-'));
const COMMANDS = path.join(FOLDER, 'commands.json');

interface Loaded {
  text: string;
  document: PolicyDocument;
  table: PolicyTable;
}

/**
 * Documents as people write them and as they mistype them, some with what a shell, nft or YAML might take for more than a name: what is
 * read of them is loaded by nft, and what nft then lists is the same model again, with no other table touched. Needs root.
 */
export async function policyDocuments(options: TrialOptions): Promise<TrialReport> {
  const random = new Random(options.seed);
  const [findings, tally, progress] = [new Findings(), new Tally(), new Progress(options)];
  const namespace = Namespace.create('ctf-docs');
  const leave = namespace.enter();
  let [count, warmMb] = [0, 0];
  try {
    clear();
    while (progress.goesOn(count, () => JSON.stringify(tally))) {
      const documents = fc.sample(arbitraryDocument, { numRuns: AT_ONCE, seed: options.seed + count });
      const loadable = documents.flatMap((document) => readText(random, mistyped(random, writePolicy(document)), tally, findings));
      if (random.perMille(500)) loadTogether(loadable, tally, findings);
      else for (const one of loadable) loadByNetlink(one, tally, findings);
      count += documents.length;
      if (warmMb === 0 && progress.isWarm(count, WARM)) warmMb = sizeMb();
    }
  } finally {
    leave();
    namespace.remove();
    rmSync(FOLDER, { recursive: true, force: true });
  }
  return {
    trial: 'policy-documents',
    count,
    failures: findings.count,
    crashes: 0,
    rssGrowthMb: Math.max(0, sizeMb() - warmMb),
    perSecond: progress.perSecond(count),
    tally,
    findings: findings.list(),
  };
}

/** A document as it is, or with some characters, words or lines that are not its own. */
function mistyped(random: Random, text: string): string {
  let changed = text;
  for (let changes = random.pick([0, 0, 1, 1, 2, 5]); changes > 0; changes--) {
    const at = random.below(changed.length + 1);
    const lines = changed.split('\n');
    const line = random.below(lines.length);
    switch (random.below(6)) {
      case 0:
        changed = changed.slice(0, at) + random.pick(HOSTILE) + changed.slice(at);
        break;
      case 1:
        changed = changed.slice(0, at) + changed.slice(at + 1 + random.below(8));
        break;
      case 2:
        changed = [...lines.slice(0, line), ...lines.slice(line + 1)].join('\n');
        break;
      case 3:
        changed = [...lines.slice(0, line), lines[random.below(lines.length)]!, ...lines.slice(line)].join('\n');
        break;
      case 4:
        changed = changed.replace(/\w+/g, (word) => (random.perMille(30) ? random.pick(HOSTILE) : word));
        break;
      default:
        changed = changed.replace(/\d+/g, (digits) => (random.perMille(100) ? String(random.uint64()) : digits));
    }
  }
  return changed;
}

function readText(random: Random, text: string, tally: Tally, findings: Findings): Loaded[] {
  try {
    const read = readPolicy(text);
    if (!('document' in read)) {
      tally.add('refused');
      if (read.problems.length === 0 || read.problems.some(({ line, column }) => line < 1 || column < 1))
        findings.add('a refusal without its place', text);
      return [];
    }
    tally.add('read');
    const { document } = read;
    const { rules, helpers = [], timeouts } = effectivePolicy([{ policyId: '', level: 'gateway', document }]).values;
    const table = rulesetOf({ rules, helpers, timeouts, spared: random.perMille(500) ? [{ proto: 'tcp', dst: ['10.9.9.9'] }] : [] });
    if (!table) return [];
    return [{ text, document, table }];
  } catch (error) {
    findings.add(`it threw: ${(error as Error).message}`, text);
    return [];
  }
}

/** As files for a start of the gateway: one run of nft for many documents, since a process costs more than a table. */
function loadTogether(loadable: readonly Loaded[], tally: Tally, findings: Findings): void {
  const names = loadable.map((_, index) => `t${index}`);
  const files = loadable.map(({ table }) => tableFiles(table));
  try {
    nft(['-f', '-'], files.map(({ prepare }, index) => prepare.replaceAll(` ${OUR_NAME}`, ` ${names[index]}`)).join(''));
    const commands = files.flatMap(({ replace }, index) => commandsIn(replace.replaceAll(`"${OUR_NAME}"`, `"${names[index]}"`)));
    // It opens what it is to read by name, which a socket does not allow.
    writeFileSync(COMMANDS, JSON.stringify({ nftables: commands }));
    nft(['-j', '-f', COMMANDS], '');
  } catch (error) {
    const [first, ...more] = loadable;
    if (more.length === 0) return findings.add(`nft refused it: ${(error as Error).message.split('\n')[1] ?? ''}`, first!.text);
    clear();
    for (const one of loadable) loadTogether([one], tally, findings);
    return;
  }
  const listed = commandsIn(nft(['-j', '-n', 'list', 'ruleset'], '')) as Record<string, { table?: string; name?: string }>[];
  const tables = listed.flatMap(({ table }) => table?.name ?? []).toSorted();
  if (tables.join() !== [...names, 'fw'].toSorted().join())
    findings.add(`tables that nobody wrote of: ${tables.join()}`, loadable[0]!.text);
  loadable.forEach((one, index) => {
    const own = listed.filter((object) => Object.values(object).some(({ table, name }) => (table ?? name) === names[index]));
    compare(one, JSON.stringify({ nftables: own }).replaceAll(`"${names[index]}"`, `"${OUR_NAME}"`), findings);
    tally.add('listed');
  });
  if (nft(['list', 'table', 'inet', 'fw'], '') !== NEIGHBOUR) findings.add('somebody else’s table was changed', loadable[0]!.text);
  clear();
}

/** As an agent does. */
function loadByNetlink(one: Loaded, tally: Tally, findings: Findings): void {
  const messages = replacement(one.table, undefined);
  try {
    changeNfTables(messages);
  } catch (error) {
    return findings.add(`the kernel refused it: ${(error as Error).message}`, one.text);
  }
  if (!isAsMade(messages, readKernelTable({ family: FAMILY.inet, name: OUR_NAME })))
    findings.add('the kernel tells back something else', one.text);
  compare(one, nft(['-j', '-n', 'list', 'table', 'inet', OUR_NAME], ''), findings);
  tally.add('told back');
  changeNfTables([removedTable()]);
  if (nft(['list', 'table', 'inet', 'fw'], '') !== NEIGHBOUR) findings.add('somebody else’s table was changed', one.text);
}

function compare({ text, document }: Loaded, listing: string, findings: Findings): void {
  const { rules, helpers } = effectivePolicy([{ policyId: '', level: 'gateway', document }]).values;
  const wanted = JSON.stringify({ rules: rules.map(canonicalRule), helpers: (helpers ?? []).toSorted(), strange: [] });
  try {
    const read = JSON.stringify(rulesIn(readRuleset(listing)));
    if (read !== wanted) findings.add('nft lists another model', `${text}\nwanted ${wanted}\nread ${read}`);
  } catch (error) {
    findings.add(`what nft lists cannot be read: ${(error as Error).message}`, text);
  }
}

function clear(): void {
  nft(['-f', '-'], `flush ruleset\n${NEIGHBOUR}`);
}

function commandsIn(json: string): object[] {
  return (JSON.parse(json) as { nftables: object[] }).nftables;
}

function nft(args: readonly string[], input: string): string {
  return execFileSync('nft', args, { input, encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['pipe', 'pipe', 'pipe'] });
}

function sizeMb(): number {
  globalThis.gc?.();
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}
