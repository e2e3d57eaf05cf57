import { BLOCKS_HOSTS } from '../proto/model/block/packets.ts';
import { CHECKS_DRIFT } from '../proto/model/drift.ts';
import { DELETES_EXPECTATIONS, LISTS_EXPECTATIONS } from '../proto/model/expectation.ts';
import { FILTER_ABILITIES } from '../proto/model/filter/abilities.ts';
import type { ConntrackTable } from './conntrack/table.ts';

/** What a gateway can do, and for what it cannot, why. */
export interface Abilities {
  can: string[];
  cannot: Record<string, string>;
}

export interface AbilityOptions {
  table: Pick<ConntrackTable, 'capabilities'>;
  /** Why packets cannot be refused here, if so. */
  whyNotRefuse: () => Promise<string | undefined>;
  /** Why nothing can be blocked here, if so. */
  whyNotBlock: () => Promise<string | undefined>;
  mayActInEmergency: boolean;
  /** What cannot be told or done besides, and why. */
  besides: Record<string, string>;
  /** What can be done besides. */
  also: readonly string[];
}

/** All that this gateway can do, tried now. `tableError`: why its table cannot be seen at all; empty where at least it is counted. */
export async function abilitiesOf({
  table,
  whyNotRefuse,
  whyNotBlock,
  mayActInEmergency,
  besides,
  also,
}: AbilityOptions): Promise<Abilities & { tableError: string }> {
  const tried = await table.capabilities();
  const { can, cannot } = withEndings(withExpectations(tried), await whyNotRefuse(), await whyNotBlock());
  const emergency = { emergency: 'Nothing is deleted unasked here when the table is full; CTFLEET_EMERGENCY=1 allows it.' };
  return {
    can: [...can, ...FILTER_ABILITIES, CHECKS_DRIFT, ...also, ...(mayActInEmergency ? ['emergency'] : [])],
    cannot: { ...cannot, ...besides, ...(!mayActInEmergency && emergency) },
    tableError: tried.cannot.counters ?? '',
  };
}

/** True if they differ so much that the controller is to hear of it: in what can be done, not in how it is said. */
export function haveChanged(before: Abilities, after: Abilities): boolean {
  return before.can.toSorted().join() !== after.can.toSorted().join();
}

/** Expectations are told over the link, and deleted, where the table can do both. */
function withExpectations({ can, cannot }: Abilities): Abilities {
  const mayNotList = can.includes('expectations') ? undefined : (cannot.expectations ?? 'This table does not tell what helpers expect.');
  const mayNotDelete = mayNotList ?? cannot.delete;
  return {
    can: [...can, ...(mayNotList === undefined ? [LISTS_EXPECTATIONS] : []), ...(mayNotDelete === undefined ? [DELETES_EXPECTATIONS] : [])],
    cannot: {
      ...cannot,
      ...(mayNotList !== undefined && { [LISTS_EXPECTATIONS]: mayNotList }),
      ...(mayNotDelete !== undefined && { [DELETES_EXPECTATIONS]: mayNotDelete }),
    },
  };
}

/** Whoever may delete may undo and let expire; to reset and to block, packets must be refused as well. */
function withEndings({ can, cannot }: Abilities, whyNotRefuse: string | undefined, whyNotBlock: string | undefined): Abilities {
  const mayNot = cannot.delete;
  if (mayNot !== undefined) return { can, cannot: { ...cannot, reset: mayNot, block: mayNot, expire: mayNot, undo: mayNot } };
  return {
    can: [
      ...can,
      'expire',
      'undo',
      'stop',
      ...(whyNotRefuse === undefined ? ['reset'] : []),
      ...(whyNotBlock === undefined ? ['block', BLOCKS_HOSTS] : []),
    ],
    cannot: {
      ...cannot,
      ...(whyNotRefuse !== undefined && { reset: whyNotRefuse }),
      ...(whyNotBlock !== undefined && { block: whyNotBlock }),
    },
  };
}
