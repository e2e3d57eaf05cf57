import { parse } from 'yaml';
import { z } from 'zod';

/**
 * How many requirements of level 1 and of level 2 each section of OWASP ASVS 5.0.0 has; its other numbers are level 3. Written as ids, since
 * levels are mixed within a section.
 */
const LEVEL_1 = `1.2.1-5 1.3.1-2 1.5.1 2.1.1 2.2.1-2 2.3.1 3.2.1-2 3.3.1 3.4.1-2 3.5.1-3 4.1.1 4.4.1 5.2.1-2 5.3.1-2 6.1.1 6.2.1-8 6.3.1-2 6.4.1-2
 7.2.1-4 7.4.1-2 8.1.1 8.2.1-2 8.3.1 9.1.1-3 9.2.1 10.4.1-5 11.3.1-2 11.4.1 12.1.1 12.2.1-2 13.4.1 14.2.1 14.3.1 15.1.1 15.2.1 15.3.1`;
const LEVEL_2 = `1.1.1-2 1.2.6-9 1.3.3-11 1.4.1-3 1.5.2 2.1.2-3 2.2.3 2.3.2-4 2.4.1 3.3.2-4 3.4.3-6 3.5.4-5 3.7.1-2 4.1.2-3 4.2.1 4.3.1-2 4.4.2-4
 5.1.1 5.2.3 5.4.1-3 6.1.2-3 6.2.9-12 6.3.3-4 6.4.3-4 6.5.1-5 6.6.1-3 6.8.1-4 7.1.1-3 7.3.1-2 7.4.3-5 7.5.1-2 7.6.1-2 8.1.2 8.2.3 8.4.1
 9.2.2-4 10.1.1-2 10.2.1-2 10.3.1-4 10.4.6-11 10.5.1-5 10.6.1-2 10.7.1-3 11.1.1-2 11.2.1-3 11.3.3 11.4.2-4 11.5.1 11.6.1 12.1.2-3 12.3.1-4
 13.1.1 13.2.1-5 13.3.1-2 13.4.2-5 14.1.1-2 14.2.2-4 14.3.2-3 15.1.2-3 15.2.2-3 15.3.2-7 16.1.1 16.2.1-5 16.3.1-4 16.4.1-3 16.5.1-3
 17.1.1 17.2.1-4 17.3.1-2`;

/** The ids of both levels, such as `V6.2.1`, in the standard's order within a level. */
export const IDS_OF_LEVEL: Record<1 | 2, string[]> = { 1: expand(LEVEL_1), 2: expand(LEVEL_2) };

function expand(ranges: string): string[] {
  return ranges
    .trim()
    .split(/\s+/)
    .flatMap((range) => {
      const [, section, from, to = from] = /^(\d+\.\d+)\.(\d+)(?:-(\d+))?$/.exec(range)!;
      return Array.from({ length: Number(to) - Number(from) + 1 }, (_, more) => `V${section}.${Number(from) + more}`);
    });
}

const sentence = z.string().trim().min(12);
const requirement = z
  .strictObject({
    id: z.string().regex(/^V\d+\.\d+\.\d+$/),
    level: z.union([z.literal(1), z.literal(2)]),
    /** What it means here, in our own words. */
    means: sentence,
    /** Why it does not concern this product. */
    'not-applicable': sentence.optional(),
    tests: z
      .array(z.strictObject({ file: z.string(), name: z.string().min(8) }))
      .min(1)
      .optional(),
    /** What is missing. Tests beside it prove the part that holds. */
    why: sentence.optional(),
  })
  .refine((one) => (one['not-applicable'] === undefined) === (one.tests !== undefined || one.why !== undefined), {
    error: 'either does not apply, or has tests, or says why not',
  });

export type Requirement = z.output<typeof requirement>;

/** The table in docs/security/asvs.yaml. Throws with the place of what is not in its form. */
export function readAsvs(text: string): Requirement[] {
  return z.array(requirement).parse(parse(text));
}

/** What an entry comes to. One with tests and a `why` is proved in part, and does not count as proved. */
export function stateOf(one: Requirement): 'proved' | 'open' | 'not applicable' {
  if (one['not-applicable'] !== undefined) return 'not applicable';
  return one.why === undefined ? 'proved' : 'open';
}

/** The table of counts that docs/security/README.md shows. */
export function countsOf(all: readonly Requirement[]): string {
  const row = (name: string, of: readonly Requirement[]): string => {
    const count = (state: string): number => of.filter((one) => stateOf(one) === state).length;
    const applying = of.length - count('not applicable');
    const percent = Math.floor((count('proved') / applying) * 1000) / 10;
    return `| ${name} | ${of.length} | ${count('not applicable')} | ${applying} | ${count('proved')} | ${count('open')} | ${percent.toFixed(1)} % |`;
  };
  return [
    '| level | requirements | do not apply | apply | proved by a test | open | proved of those that apply |',
    '|---|---|---|---|---|---|---|',
    row(
      '1',
      all.filter(({ level }) => level === 1),
    ),
    row(
      '2',
      all.filter(({ level }) => level === 2),
    ),
    row('both', all),
  ].join('\n');
}
