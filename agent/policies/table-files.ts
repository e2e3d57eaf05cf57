import { chainObject, ruleObject } from './nft-json.ts';
import { POLICY_TABLE, type PolicyTable } from './policy-table.ts';
import { partsText } from './table-parts.ts';

/** A table as what `nft -f` and then `nft -j -f` load, where it is not there yet. nft 1.0.6 cannot be told all of it in one form. */
export function tableFiles(table: PolicyTable): { prepare: string; replace: string } {
  const { family, table: name } = POLICY_TABLE;
  const commands = [
    { table: { family, name } },
    ...table.helpers.map((helper) => ({
      'ct helper': { ...POLICY_TABLE, name: helper.name, type: helper.type, protocol: helper.proto, l3proto: 'inet' },
    })),
    ...table.chains.map(chainObject),
    ...table.chains.flatMap((chain) => chain.rules.map((rule) => ruleObject(chain.name, rule))),
  ];
  return { prepare: partsText(table), replace: JSON.stringify({ nftables: commands.map((add) => ({ add })) }) };
}
