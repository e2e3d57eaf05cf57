import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { BUSY, CALM, ChangeStage } from '../test/support/policy-changing.ts';
import type { PolicyState } from '../proto/gen/ctfleet/v1/policy.ts';
import { writePolicy } from '../proto/model/policy/write.ts';
import { PolicyStateReports } from './policy-state.ts';

const OFFSET_MS = 5000;

test('what is in force and what waits to be confirmed are told with the commands that asked for them, in the controller’s time', async () => {
  const stage = new ChangeStage();
  const said: PolicyState[] = [];
  const reports = new PolicyStateReports({
    folder: stage.folder,
    outbox: { policyState: (state) => void said.push(state) },
    controllerClock: { offsetMs: () => OFFSET_MS },
    log: pino({ level: 'silent' }),
  });
  const told = (): PolicyState => {
    reports.tell();
    return said.at(-1)!;
  };
  expect(told()).toEqual({ pending: undefined, inForce: undefined, drift: [], driftLeft: 0, unknown: '' });
  const { record } = await stage.changes.apply(BUSY, 60_000, { commandId: 'c1' });
  const pending = { changeId: record.id, policy: 'busy', commandId: 'c1', untilMs: BigInt(record.deadlineAt + OFFSET_MS), isInForce: true };
  expect(told()).toMatchObject({ pending, inForce: undefined });
  await stage.changes.confirm({ openedAtBootMs: stage.clock.ms });
  const inForce = {
    changeId: record.id,
    policy: 'busy',
    documentSha256: createHash('sha256').update(writePolicy(BUSY)).digest('hex'),
    commandId: 'c1',
    sinceMs: BigInt(record.beganAt + OFFSET_MS),
  };
  expect(told()).toMatchObject({ pending: undefined, inForce });
  await stage.changes.apply(CALM, 60_000);
  expect(told()).toMatchObject({ pending: { policy: 'calm', commandId: '' }, inForce });
});
