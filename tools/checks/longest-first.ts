import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { ROOT } from '../set-up.ts';

/** The test files that take longest on two cores, longest first: a long one that starts last keeps everything waiting. */
export const LONGEST: readonly string[] = [
  'test/faults/short.test.ts',
  'test/fleet/controller-killed.test.ts',
  'test/field/predictions.test.ts',
  'test/browser/axe.test.ts',
  'test/browser/clicks.test.ts',
  'test/attacks/fuzz.test.ts',
  'agent/conntrack/wire/fuzz.test.ts',
  'test/browser/console.test.ts',
  'test/browser/scope.test.ts',
];

/** Vitest's own order, by project and larger files first, except for those known to be long. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.indexOf(path.relative(ROOT, moduleId));
  return rank < 0 ? LONGEST.length : rank;
}
