import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Progress_Phase, type Progress } from '../../proto/gen/ctfleet/v1/operation.ts';
import { Intake } from '../link/intake.ts';
import type { Database } from '../platform/database.ts';
import type { Logger } from '../platform/logger.ts';
import type { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { CommandsRepository } from './commands.repository.ts';
import type { FlushesRepository } from './flushes.repository.ts';
import { ProgressService } from './progress.service.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

/** The service over a database of commands such as `g1/a`, whose gateway is g1; writes are collected per round. */
function stage() {
  const written: string[][] = [];
  const state = { isAway: false };
  const commands = {
    lockOwn: async (_: unknown, said: { commandId: string }[]) =>
      new Map(
        said.map(({ commandId }) => [
          commandId,
          {
            id: commandId,
            gatewayId: commandId.split('/')[0],
            flushId: 'f',
            state: 'sent',
            receivedAt: null,
            method: 'policy',
            forSeconds: 60,
          },
        ]),
      ),
    received: async () => undefined,
  } as unknown as CommandsRepository;
  const flushes = {
    progress: async (_: unknown, targets: { gatewayId: string; state: string; done: number }[]) =>
      void written.push(targets.map(({ gatewayId, state: now, done }) => `${gatewayId} ${now} ${done}`)),
  } as unknown as FlushesRepository;
  const database = {
    transact: async (_: unknown, work: (t: unknown) => Promise<unknown>) => {
      if (state.isAway) throw new Error('away');
      return work({});
    },
  } as unknown as Database;
  const service = new ProgressService(
    commands,
    flushes,
    new Intake(),
    { send: async () => undefined } as unknown as ReplicaNotifications,
    database,
    { warn: () => undefined } as unknown as Logger,
    Date.now,
  );
  const say = (commandId: string, done: number, phase = Progress_Phase.PHASE_DELETING, gatewayId = commandId.split('/')[0]!) =>
    service.note({ gatewayId, tenantId: 't' }, { commandId, done, total: 99, phase } satisfies Progress);
  return { service, written, state, say };
}

it('what all gateways report within a round is written at once, and only the latest of each command', async () => {
  const { written, say } = stage();
  say('g1/a', 1);
  say('g2/b', 1);
  say('g1/a', 7);
  await vi.advanceTimersByTimeAsync(199);
  expect(written).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(written).toEqual([['g1 running 7', 'g2 running 1']]);
  say('g1/a', 9, Progress_Phase.PHASE_VERIFYING);
  await vi.advanceTimersByTimeAsync(499);
  expect(written.length).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(written[1]).toEqual(['g1 verifying 9']);
});

it('progress of a finished command, of a disconnected gateway or of another gateway’s command is not written', async () => {
  const { service, written, say } = stage();
  say('g1/a', 1);
  say('g2/b', 1);
  say('g3/c', 2_147_483_648);
  say('g3/c', 1, Progress_Phase.PHASE_DELETING, 'g4');
  service.over('g1', 'g1/a');
  service.forget('g2');
  await vi.advanceTimersByTimeAsync(200);
  expect(written).toEqual([['g3 running 2147483647']]);
});

it('that a policy waits to be confirmed is written although the gateway ended its session for that, unless its result came first', async () => {
  const { service, written, say } = stage();
  say('g1/a', 0, Progress_Phase.PHASE_CONFIRMING);
  say('g1/b', 5);
  say('g2/c', 0, Progress_Phase.PHASE_CONFIRMING);
  service.forget('g1');
  service.over('g2', 'g2/c');
  service.forget('g2');
  await vi.advanceTimersByTimeAsync(200);
  expect(written).toEqual([['g1 verifying 0']]);
});

it('a gateway that reports on too many commands waits for the round, and no other does', async () => {
  const { say } = stage();
  const answers = Array.from({ length: 40 }, (_, number) => say(`g1/${number}`, 0));
  expect(answers.map((answer) => answer !== undefined).indexOf(true)).toBe(31);
  expect(say('g2/b', 0)).toBeUndefined();
  await vi.advanceTimersByTimeAsync(200);
  await Promise.all(answers);
});

it('a round that cannot be written is discarded, and the next one follows', async () => {
  const { written, state, say } = stage();
  state.isAway = true;
  say('g1/a', 1);
  await vi.advanceTimersByTimeAsync(200);
  state.isAway = false;
  say('g1/a', 2);
  await vi.advanceTimersByTimeAsync(500);
  expect(written).toEqual([['g1 running 2']]);
});

it('a gateway that keeps reporting on commands of others is refused with its next message', async () => {
  const { say } = stage();
  for (let number = 0; number < 12; number++) say(`other/${number}`, 1, Progress_Phase.PHASE_DELETING, 'g1');
  await vi.advanceTimersByTimeAsync(200);
  expect(() => say('g1/a', 1)).toThrow('useless messages');
  expect(() => say('g2/a', 1)).not.toThrow();
});
