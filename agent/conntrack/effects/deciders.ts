import { isIPv6 } from '../../../proto/model/policy/canonical-rule.ts';
import type { PolicyMatch } from '../../../proto/model/policy/document.ts';
import { protocolNumber } from '../../../proto/model/protocol.ts';
import { compileFilter, type Predicate } from '../query/compile-filter.ts';
import type { Columns } from '../rows/columns.ts';
import type { Surroundings } from '../stale/surroundings.ts';
import type { Said } from '../effects-ask.ts';
import { filterOfMatch, isTold } from './match-filter.ts';

/** Instead of the index of a rule: none matches. */
export const NONE = -1;
/** Instead of an effect: an entry does not say enough. */
export const UNTOLD = Symbol('untold');

/** Compiles matches for the rows of one table. What stands in several lists is compiled once, and compared once for each row. */
export class Deciders {
  readonly #columns: Columns;
  readonly #surroundings: Surroundings;
  readonly #checkpoint: () => void;
  readonly #known = new Map<string, Predicate>();

  /** @param checkpoint called after each compiled match; may throw to end it */
  constructor(columns: Columns, surroundings: Surroundings, checkpoint: () => void) {
    [this.#columns, this.#surroundings, this.#checkpoint] = [columns, surroundings, checkpoint];
  }

  /** Which rule of a list decides about packets of this direction, as they come in. */
  of(list: readonly Said[], direction: 'orig' | 'reply' = 'orig'): Decider {
    const rules = list.map(({ match }): Rule => ({
      ...nearnessOf(match),
      test: this.matching(match, direction),
      isCertain: isTold(match),
    }));
    const { dport, rdport } = this.#columns.common;
    return new Decider(this.#columns, direction === 'orig' ? dport : rdport, rules);
  }

  /** True as far as the entry tells. */
  matching(match: PolicyMatch, direction: 'orig' | 'reply' = 'orig'): Predicate {
    const { iif: _iif, oif: _oif, mark: _mark, ...told } = match;
    const key = JSON.stringify([direction, told]);
    let test = this.#known.get(key);
    if (!test) {
      test = remembering(compileFilter(filterOfMatch(told, direction), this.#columns, this.#surroundings));
      this.#known.set(key, test);
      this.#checkpoint();
    }
    return test;
  }
}

interface Rule extends Nearness {
  test: Predicate;
  isCertain: boolean;
}

/**
 * The first rule of a list that matches. Of hundreds, few are about the protocol and port of a row: those are found once for each of both.
 */
export class Decider {
  readonly #columns: Columns;
  readonly #port: Uint16Array;
  readonly #rules: readonly Rule[];
  readonly #near = new Map<number, readonly number[]>();

  /** @param port what `dport` of a match compares */
  constructor(columns: Columns, port: Uint16Array, rules: readonly Rule[]) {
    [this.#columns, this.#port, this.#rules] = [columns, port, rules];
  }

  /** Its index, or NONE; UNTOLD if a rule before may match as well. */
  first(row: number): number | typeof UNTOLD {
    for (const index of this.#nearOf(row)) {
      const { test, isCertain } = this.#rules[index]!;
      if (test(row)) return isCertain ? index : UNTOLD;
    }
    return NONE;
  }

  /** All that it may be. */
  possible(row: number): number[] {
    const found: number[] = [];
    for (const index of this.#nearOf(row)) {
      const { test, isCertain } = this.#rules[index]!;
      if (!test(row)) continue;
      found.push(index);
      if (isCertain) return found;
    }
    return [...found, NONE];
  }

  #nearOf(row: number): readonly number[] {
    const { family, proto } = this.#columns.common;
    const key = (family[row]! * 0x100 + proto[row]!) * 0x1_0000 + this.#port[row]!;
    let near = this.#near.get(key);
    if (!near) {
      const [isV6, number, port] = [family[row] === 6, proto[row]!, this.#port[row]!];
      near = this.#rules.flatMap((rule, index) => (isNear(rule, isV6, number, port) ? [index] : []));
      this.#near.set(key, near);
    }
    return near;
  }
}

/** What of a match is compared first. Absent: any. */
interface Nearness {
  number?: number;
  families: readonly boolean[];
  ports?: PolicyMatch['dport'];
}

function nearnessOf({ proto, src, dst, dport }: PolicyMatch): Nearness {
  const families = [false, true].filter((isV6) =>
    [src, dst].every((prefixes) => !prefixes || prefixes.some((one) => isIPv6(one) === isV6)),
  );
  return { ...(proto !== undefined && { number: protocolNumber(proto) }), families, ports: dport };
}

/** False only if no such packet matches. */
function isNear(rule: Nearness, isV6: boolean, number: number, port: number): boolean {
  return (
    (rule.number === undefined || rule.number === number) &&
    rule.families.includes(isV6) &&
    (!rule.ports || rule.ports.some(({ from, to }) => from <= port && port <= to))
  );
}

/** What comes of the change from one list to another for a row: of the indexes that decide before and after. */
export function effectOn<Effect>(
  row: number,
  before: Decider,
  after: Decider,
  effect: (before: number, after: number) => Effect | undefined,
): Effect | typeof UNTOLD | undefined {
  const was = before.first(row);
  const becomes = after.first(row);
  if (was !== UNTOLD && becomes !== UNTOLD) return effect(was, becomes);
  const later = after.possible(row);
  return before.possible(row).some((one) => later.some((other) => effect(one, other) !== undefined)) ? UNTOLD : undefined;
}

/** Remembers the answer about the last row. */
function remembering(test: Predicate): Predicate {
  let [last, answer] = [NONE, false];
  return (row) => {
    if (row !== last) [last, answer] = [row, test(row)];
    return answer;
  };
}
