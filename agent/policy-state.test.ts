import { beforeEach, describe, expect, test } from 'vitest';
import { AgentMessage } from '../proto/gen/ctfleet/v1/link.ts';
import type { PolicyState } from '../proto/gen/ctfleet/v1/policy.ts';
import { BUSY, CALM, ChangeStage } from '../test/support/policy-changing.ts';
import { PolicyStateReports } from './policy-state.ts';
import type { StandingDrift } from './policies/standing/standing-policy.ts';

const OFFSET_MS = 5000;
let stage: ChangeStage;
let drift: StandingDrift | undefined;
let said: PolicyState[];
let look: () => void;
let reports: PolicyStateReports;
beforeEach(() => {
  stage = new ChangeStage();
  drift = undefined;
  said = [];
  reports = new PolicyStateReports({
    folder: stage.folder,
    standing: { drift: () => drift, onLook: (listener) => void (look = listener) },
    outbox: { policyState: (state) => said.push(state) },
    toControllerMs: (ms) => ms + OFFSET_MS,
    log: { warn: (...words: unknown[]) => expect.fail(JSON.stringify(words)) },
  });
});

const last = (): PolicyState => said.at(-1)!;
async function confirmed(policy = BUSY): Promise<string> {
  await stage.changes.apply(policy, 60_000);
  return (await stage.changes.confirm({ openedAtBootMs: stage.clock.ms })).id;
}
const of = (changeId: string, some: Partial<StandingDrift> = {}): StandingDrift => ({ changeId, open: [], past: [], left: 0, ...some });

describe('how a gateway is set', () => {
  test('is told when asked, also of one without a policy', () => {
    reports.tell();
    reports.tell();
    expect(said).toEqual(Array(2).fill({ inForce: undefined, pending: undefined, drift: [], driftLeft: 0, unknown: '' }));
  });

  test('is told at the looks at which it has changed, with times as the controller has them', async () => {
    reports.tell();
    look();
    const since = stage.clock.wallMs;
    await stage.changes.apply(BUSY, 60_000);
    look();
    look();
    expect(last().pending).toMatchObject({ policy: 'busy', untilMs: BigInt(since + 60_000 + OFFSET_MS), isInForce: true, commandId: '' });
    const { id } = await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
    look();
    look();
    expect(said).toHaveLength(3);
    expect(last()).toMatchObject({ pending: undefined, inForce: { changeId: id, policy: 'busy', sinceMs: BigInt(since + OFFSET_MS) } });
  });

  test('has a digest that is the same for the same values, whatever the policy is called', async () => {
    const digests: string[] = [];
    for (const policy of [BUSY, { ...BUSY, metadata: { name: 'another', tenant: 'umbra' } }, CALM]) {
      await confirmed(policy);
      look();
      digests.push(last().inForce!.documentSha256);
    }
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
    expect([digests[1], digests[2] === digests[0]]).toEqual([digests[0], false]);
  });

  test('has what differs, what is ignored, and what was set again', async () => {
    const id = await confirmed();
    drift = of(id, {
      open: [
        { path: 'table.max', wanted: '1', actual: '2', since: 1000 },
        { path: 'accounting', wanted: 'true', actual: 'false', since: 2000, isIgnored: true },
      ],
      past: [{ path: 'table', wanted: 'inet ctfleet_policy', since: 3000, overAt: 4000, process: 'nft (pid 7)' }],
      left: 3,
    });
    look();
    expect(last().driftLeft).toBe(3);
    expect(last().drift).toEqual([
      { path: 'table.max', wanted: '1', actual: '2', sinceMs: 6000n, process: '', isSetAgain: false, isIgnored: false },
      { path: 'accounting', wanted: 'true', actual: 'false', sinceMs: 7000n, process: '', isSetAgain: false, isIgnored: true },
      {
        path: 'table',
        wanted: 'inet ctfleet_policy',
        actual: '',
        sinceMs: 8000n,
        process: 'nft (pid 7)',
        isSetAgain: true,
        isIgnored: false,
      },
    ]);
  });

  test('has no drift from another policy than the one in force, and says why drift is not known', async () => {
    const id = await confirmed();
    drift = of('before', { open: [{ path: 'x', since: 0 }] });
    look();
    expect(last().drift).toEqual([]);
    drift = of(id, { unknown: 'nft is not there' });
    look();
    expect(last().unknown).toBe('nft is not there');
  });

  test('fits into a message however much differs, and says how much is left out', async () => {
    const id = await confirmed();
    const text = '😀'.repeat(500);
    drift = of(id, { open: Array.from({ length: 200 }, (_, n) => ({ path: `rules.${n}`, wanted: text, actual: text, since: n })) });
    look();
    expect(AgentMessage.encode({ body: { $case: 'policyState', value: last() } }).finish().length).toBeLessThan(256 * 1024);
    expect(last().drift.length + last().driftLeft).toBe(200);
    expect(last().driftLeft).toBeGreaterThan(0);
  });
});
