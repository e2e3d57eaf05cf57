import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { changeNfTables } from '../../agent/firewall/tables/nf-batch.ts';
import type { PolicyTable } from '../../agent/policies/policy-table.ts';
import { readRuleset, type FoundTable } from '../../agent/policies/read-ruleset.ts';
import { madeParts, removedPart } from '../../agent/policies/table-parts.ts';
import { transactionTo, type TableTransaction } from '../../agent/policies/transaction.ts';
import { RuleStage } from './rules/stage.ts';

/** The stage of the rule tests, with the table of a policy on it. */
export class PolicyStage extends RuleStage {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ctfleet-policy-'));

  /** What is there of our table; undefined if it is not there. */
  found(): FoundTable | undefined {
    const isThere = this.run('nft', ['list', 'tables']).includes('ctfleet_policy');
    return isThere ? readRuleset(this.run('nft', ['-j', '-n', 'list', 'table', 'inet', 'ctfleet_policy'])) : undefined;
  }

  /** The commands that would replace it now. */
  transaction(table: PolicyTable | undefined): TableTransaction {
    return transactionTo(table, this.found()?.names);
  }

  /** Replaces it, as an agent would. */
  replace(table: PolicyTable | undefined): TableTransaction {
    const transaction = this.transaction(table);
    this.prepare(transaction);
    const file = path.join(this.#folder, 'replace.json');
    writeFileSync(file, transaction.replace);
    this.run('nft', ['-j', '-f', file]);
    this.within(() => transaction.clear.forEach((name) => changeNfTables([removedPart('ct timeout', name)])));
    return transaction;
  }

  prepare({ prepare }: TableTransaction): void {
    this.within(() => changeNfTables(madeParts(prepare)));
  }

  override remove(): void {
    super.remove();
    rmSync(this.#folder, { recursive: true });
  }
}
