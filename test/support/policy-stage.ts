import { readKernelTable } from '../../agent/firewall/rules/kernel-ruleset.ts';
import { FAMILY } from '../../agent/firewall/rules/ruleset.ts';
import { changeNfTables } from '../../agent/firewall/tables/nf-batch.ts';
import { leftoversOf } from '../../agent/policies/applying/table-match.ts';
import { isAsMade } from '../../agent/policies/as-made.ts';
import { POLICY_TABLE, type PolicyTable } from '../../agent/policies/policy-table.ts';
import { readRuleset, type FoundTable } from '../../agent/policies/read-ruleset.ts';
import { removedTable, replacement } from '../../agent/policies/table-messages.ts';
import { removedPart } from '../../agent/policies/table-parts.ts';
import { RuleStage } from './rules/stage.ts';

/** The stage of the rule tests, with the table of a policy on it. */
export class PolicyStage extends RuleStage {
  /** What is there of our table, as nft lists it; undefined if it is not there. */
  found(): FoundTable | undefined {
    const isThere = this.run('nft', ['list', 'tables']).includes('ctfleet_policy');
    return isThere ? readRuleset(this.run('nft', ['-j', '-n', 'list', 'table', 'inet', 'ctfleet_policy'])) : undefined;
  }

  /** Replaces it, as an agent would. True if the kernel tells back what it was told. */
  replace(table: PolicyTable | undefined): boolean {
    const found = this.found();
    return this.within(() => {
      if (!table) {
        if (found) changeNfTables([removedTable()]);
        return true;
      }
      const messages = replacement(table, found?.names);
      changeNfTables(messages);
      const isToldBack = isAsMade(messages, readKernelTable({ family: FAMILY.inet, name: POLICY_TABLE.table }));
      const left = found ? leftoversOf(found.table, table).filter(({ kind }) => kind === 'ct timeout') : [];
      changeNfTables(left.map(({ kind, name }) => removedPart(kind, name)));
      return isToldBack;
    });
  }
}
