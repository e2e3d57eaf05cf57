import { describe, expect, test } from 'vitest';
import { EXIT } from './command-line.ts';
import { diagnose, doctorAnswer, type DoctorFacts } from './doctor-command.ts';

const WELL: DoctorFacts = {
  nowMs: 1_000_000,
  capabilities: '0000000000003000',
  sysctls: { nf_conntrack_count: 5, nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 },
  hasNft: true,
  certificateFromMs: 0,
  reached: [{ what: 'link', address: 'controller:4444' }],
};

function problems(facts: Partial<DoctorFacts>): string[] {
  return diagnose({ ...WELL, ...facts }).flatMap(({ name, problem }) => (problem === undefined ? [] : [name]));
}

describe('doctor', () => {
  test('finds nothing on a gateway that is well', () => {
    expect(problems({})).toEqual([]);
    expect(doctorAnswer(WELL).code).toBe(EXIT.done);
  });

  test.for([
    ['a module that is not loaded', { sysctls: {} }, 'module nf_conntrack'],
    ['rules that need no tracking', { sysctls: { ...WELL.sysctls, nf_conntrack_count: 0 } }, 'rules that track'],
    ['one capability of two', { capabilities: '0000000000001000' }, 'capabilities'],
    ['a table that cannot be read', { listProblem: 'EPERM' }, 'reading the table'],
    ['no nft', { hasNft: false }, 'program nft'],
    ['no accounting', { sysctls: { ...WELL.sysctls, nf_conntrack_acct: 0 } }, 'net.netfilter.nf_conntrack_acct'],
    ['a clock that is behind', { certificateFromMs: 200_000_000 }, 'clock'],
    ['a closed port', { reached: [{ what: 'link', address: 'c:1', problem: 'refused' }] }, 'link c:1'],
  ] as const)('finds %s, and names the cure', ([, facts, name]) => {
    expect(problems(facts)).toEqual([name]);
    const found = diagnose({ ...WELL, ...facts }).find((one) => one.problem !== undefined);
    expect(found?.cure).toMatch(/\w/);
  });

  test('what is only worth setting is no failure; what keeps the agent from its work is', () => {
    expect(doctorAnswer({ ...WELL, hasNft: false }).code).toBe(EXIT.done);
    expect(doctorAnswer({ ...WELL, capabilities: '0' }).code).toBe(EXIT.found);
  });
});
