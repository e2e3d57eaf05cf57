import type { PolicyTable } from '../policy-table.ts';
import type { PresentNames } from '../transaction.ts';

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

/** Names of sets and timeouts that are there and not wanted. */
export function leftoversOf(found: PolicyTable, wanted: PolicyTable = EMPTY): { kind: 'set' | 'ct timeout'; name: string }[] {
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

function rulesText({ chains, helpers }: PolicyTable): string {
  const text = chains.map(({ name, base, rules }) => [name, base && [base.hook, base.priority], rules]);
  return JSON.stringify([text, helpers.map(({ name, type, proto }) => [name, type, proto])]);
}
