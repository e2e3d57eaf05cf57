import type { PolicyTable } from '../policy-table.ts';
import type { FoundTable, PresentNames } from '../read-ruleset.ts';

const EMPTY: PolicyTable = { timeouts: [], helpers: [], limits: [], chains: [] };
/** What nft does not list of a timeout of TCP, since it takes it for usual (nftables, src/rule.c). */
const USUAL_TCP: Readonly<Record<string, number>> = {
  syn_sent: 120,
  syn_recv: 60,
  established: 432_000,
  fin_wait: 120,
  close_wait: 60,
  last_ack: 30,
  time_wait: 120,
  close: 10,
  retrans: 300,
  unack: 300,
};

/** True if a table that was read is the wanted one, and nothing more; undefined stands for none. */
export function isSameTable(found: PolicyTable | undefined, wanted: PolicyTable | undefined): boolean {
  if (!found || !wanted) return found === wanted;
  return holdsTable(found, wanted) && leftoversOf(found, wanted).length === 0;
}

/**
 * True if a table that was read does to packets what the wanted one does: sets and timeouts to which no rule refers, left of the one
 * before, do nothing.
 */
export function holdsTable(found: PolicyTable = EMPTY, wanted: PolicyTable = EMPTY): boolean {
  const hasAll = (list: 'timeouts' | 'limits'): boolean => wanted[list].every(({ name }) => found[list].some((one) => one.name === name));
  return rulesText(found) === rulesText(wanted) && hasAll('timeouts') && hasAll('limits');
}

/** A set or a timeout. */
export interface TablePart {
  kind: 'set' | 'ct timeout';
  name: string;
}

/** Sets and timeouts that are there and not wanted. */
export function leftoversOf(found: PolicyTable, wanted: PolicyTable = EMPTY): TablePart[] {
  const beyond = (kind: 'set' | 'ct timeout', list: keyof Pick<PolicyTable, 'limits' | 'timeouts'>) =>
    found[list].filter(({ name }) => !wanted[list].some((one) => one.name === name)).map(({ name }) => ({ kind, name }));
  return [...beyond('set', 'limits'), ...beyond('ct timeout', 'timeouts')];
}

/** A table that was read, with all that would be needed to make it again. */
export function wholeTable(found: PolicyTable): PolicyTable {
  return {
    ...found,
    timeouts: found.timeouts.map((one) => ({
      ...one,
      seconds: one.proto === 'tcp' ? { ...USUAL_TCP, ...one.seconds } : { unreplied: one.idleSeconds, replied: one.idleSeconds },
    })),
  };
}

/**
 * The names that a replacement is given to see, so that it removes no set and no timeout of the table before: with them, that table can be
 * put back with what its limits had counted.
 */
export function withoutLeftovers(present: PresentNames, wanted: PolicyTable): PresentNames {
  return {
    ...present,
    sets: present.sets.filter(({ name }) => wanted.limits.some((one) => one.name === name)),
    timeouts: present.timeouts.filter((name) => wanted.timeouts.some((one) => one.name === name)),
  };
}

/**
 * What is there after a replacement of what was found; undefined where that had something in it that is not ours. `keeping`: with the sets
 * of before. Timeouts stay in any case.
 */
export function afterReplacement(
  table: PolicyTable,
  found: FoundTable | undefined,
  { keeping }: { keeping: boolean },
): FoundTable | undefined {
  if (found && found.strange.length > 0) return undefined;
  const isLeft = new Set(found && leftoversOf(found.table, table).map(({ kind, name }) => `${kind} ${name}`));
  const limits = keeping ? (found?.table.limits ?? []).filter(({ name }) => isLeft.has(`set ${name}`)) : [];
  const timeouts = (found?.table.timeouts ?? []).filter(({ name }) => isLeft.has(`ct timeout ${name}`));
  return withNames({ ...table, limits: [...table.limits, ...limits], timeouts: [...table.timeouts, ...timeouts] });
}

/** The same without these. */
export function withoutParts({ table }: FoundTable, parts: readonly TablePart[]): FoundTable {
  const isGone = (kind: TablePart['kind'], name: string): boolean => parts.some((part) => part.kind === kind && part.name === name);
  return withNames({
    ...table,
    limits: table.limits.filter(({ name }) => !isGone('set', name)),
    timeouts: table.timeouts.filter(({ name }) => !isGone('ct timeout', name)),
  });
}

function withNames(table: PolicyTable): FoundTable {
  const namesOf = (list: readonly { name: string }[]): string[] => list.map(({ name }) => name);
  const { chains, timeouts, helpers, limits } = table;
  const names = { chains: namesOf(chains), sets: limits, timeouts: namesOf(timeouts), helpers: namesOf(helpers), others: [] };
  return { table, names, strange: [] };
}

function rulesText({ chains, helpers }: PolicyTable): string {
  const text = chains.map(({ name, base, rules }) => [name, base && [base.hook, base.priority], rules]);
  return JSON.stringify([text, helpers.map(({ name, type, proto }) => [name, type, proto])]);
}
