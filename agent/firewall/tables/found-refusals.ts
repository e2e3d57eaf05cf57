import { z } from 'zod';
import { emptyTable, SETS, TABLE, type RefusedElement } from './refusal-rules.ts';

/** What was found of our nft table: whether it is made as we make it, and what it still refuses. */
export interface FoundRefusals {
  isOurShape: boolean;
  elements: FoundElement[];
}

export interface FoundElement extends RefusedElement {
  expiresSeconds: number;
}

const element = z.object({
  elem: z.object({ val: z.object({ concat: z.array(z.union([z.number(), z.string()])) }), expires: z.number() }),
});
const listing = z.object({
  nftables: z.array(
    z.object({
      set: z.object({ name: z.string(), elem: z.array(z.unknown()).optional() }).optional(),
      chain: z.object({ name: z.string() }).optional(),
      rule: z.object({ chain: z.string() }).optional(),
    }),
  ),
});

/** Numbers and addresses: nothing else is ever given back to nft. */
const PART = /^[0-9a-f.:]+$/;
const SHAPE = { sets: Object.keys(SETS).sort().join(), chains: 'ending_forward,ending_input,ending_output', rulesInEach: 2 };

/** Reads what `nft -j -n list table` says of our table. Throws ZodError or SyntaxError for what is no listing. */
export function readListing(json: string): FoundRefusals {
  const { nftables } = listing.parse(JSON.parse(json));
  const sets = nftables.flatMap(({ set }) => (set ? [set] : []));
  const chains = nftables.flatMap(({ chain }) => (chain ? [chain.name] : [])).sort();
  const rules = nftables.flatMap(({ rule }) => (rule ? [rule] : []));
  const isOurShape =
    sets
      .map(({ name }) => name)
      .sort()
      .join() === SHAPE.sets &&
    chains.join() === SHAPE.chains &&
    chains.every((chain) => rules.filter((rule) => rule.chain === chain).length === SHAPE.rulesInEach);
  return { isOurShape, elements: sets.flatMap(({ name, elem = [] }) => elem.flatMap((one) => readElement(name, one))) };
}

/**
 * The commands that make our table again in one step, with what it refused for as long as it would have. Elements of sets that we do not
 * make are left out.
 */
export function makeAgain(elements: readonly FoundElement[]): string {
  const kept = elements.filter(({ set, value }) => SETS[set] === value.split(' . ').length);
  return (
    emptyTable() +
    kept
      .map(
        ({ set, value, expiresSeconds }) => `add element ${TABLE} ${set} { ${value} timeout ${Math.max(1, Math.ceil(expiresSeconds))}s }\n`,
      )
      .join('')
  );
}

function readElement(set: string, found: unknown): FoundElement[] {
  const parsed = element.safeParse(found);
  if (!parsed.success) return [];
  const { val, expires } = parsed.data.elem;
  const parts = val.concat.map(String);
  return parts.every((part) => PART.test(part)) ? [{ set, value: parts.join(' . '), expiresSeconds: expires }] : [];
}
