import fc from 'fast-check';
import type { PolicyDocument, PolicyRule, PolicySpec } from '../../../proto/model/policy/document.ts';
import { arbitraryDocument, arbitraryRules } from '../../support/arbitrary-policy.ts';
import type { Fault } from '../../support/failing-files.ts';

/**
 * How a change ends: somebody confirms it, takes it back, takes it back just when its time is over, starts an agent, starts one after the
 * dead-man was killed, builds the gateway again, or does nothing.
 */
export const ENDS = ['confirmed', 'restored', 'contested', 'agent started', 'dead-man killed', 'rebuilt', 'left alone'] as const;
/** Twice those that are most of all. */
const OFTEN: readonly (typeof ENDS)[number][] = [...ENDS, 'confirmed', 'left alone', 'left alone'];

/** The number of the call under the record from which on the disk fails, and how. */
export interface DiskFault {
  fault: Fault;
  at: number;
  lasts: boolean;
}

export interface Trial {
  before: PolicySpec | undefined;
  document: PolicyDocument;
  end: (typeof ENDS)[number];
  /** The number of the step before which the process that applies it dies. */
  killAt?: number;
  fault?: DiskFault;
  /** The gateway's own firewall is loaded again before the end. */
  isFlushed: boolean;
}

/** Rules that cut people off. */
const CUTTING: readonly PolicyRule[] = [
  { name: 'all off', match: {}, mode: 'off' },
  { name: 'one each', match: {}, limits: { perSource: 1, perDestination: 1, answer: 'drop' } },
  { name: 'strict', match: {}, mode: 'strict' },
  { name: 'nothing', match: {}, mode: 'deny', answer: 'reset' },
  { name: 'a second', match: { proto: 'tcp' }, idleTimeoutSeconds: 1 },
  { name: 'no ssh', match: { proto: 'tcp', dport: [{ from: 22, to: 22 }] }, mode: 'off' },
];

const rules = fc
  .tuple(arbitraryRules, fc.subarray([...CUTTING]))
  .map(([some, cutting]) => [...some, ...cutting].filter(({ name }, at, all) => all.findIndex((one) => one.name === name) === at));
const document = fc.tuple(arbitraryDocument, rules).map(([{ metadata, spec }, all]): PolicyDocument => ({
  metadata,
  // Those two are one for the whole machine, which no test changes.
  spec: { ...spec, table: {}, rules: all },
}));

/** In so many of ten. */
function sometimes<T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 10 - times, arbitrary: fc.constant(undefined) }, { weight: times, arbitrary });
}

export const arbitraryTrial: fc.Arbitrary<Trial> = fc
  .record({
    before: fc.option(
      document.map(({ spec }) => spec),
      { nil: undefined },
    ),
    document,
    end: fc.constantFrom(...OFTEN),
    killAt: sometimes(2, fc.integer({ min: 0, max: 26 })),
    fault: sometimes(
      2,
      fc.record({
        fault: fc.constantFrom<Fault>('EIO', 'ENOSPC', 'EROFS', 'short write', 'fsync', 'rename'),
        at: fc.integer({ min: 0, max: 14 }),
        lasts: fc.boolean(),
      }),
    ),
    isFlushed: fc.integer({ min: 0, max: 6 }).map((n) => n === 0),
  })
  .map(({ killAt, fault, ...trial }) => ({ ...trial, ...(killAt !== undefined && { killAt }), ...(fault && { fault }) }));
