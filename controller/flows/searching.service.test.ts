import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Config } from '../platform/config.ts';
import { Rounds, type RoundAnswer } from './rounds.ts';
import { SearchingService, type Conversation } from './searching.service.ts';

const DEADLINE_MS = 3000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Asked {
  gatewayId: string;
  signal: AbortSignal;
  answer(answer?: Partial<RoundAnswer>): void;
}

function searchOver(gateways: number, questionsAtOnce: number) {
  const service = new SearchingService({ questionsAtOnce } as Config, Date.now);
  const rounds = new Rounds(
    Array.from({ length: gateways }, (_, index) => ({ id: `g${index}`, name: `g${index}` })),
    { order: { field: 'gateway', descending: false }, limit: 0 },
  );
  const asked: Asked[] = [];
  const [heard, silent]: [string[], string[]] = [[], []];
  const conversation: Conversation<RoundAnswer> = {
    ask: ({ gatewayId }, _, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('nobody waits')));
        asked.push({ gatewayId, signal, answer: (answer) => resolve({ rows: [], keys: [], total: 0, ...answer }) });
      }),
    heard: (id) => heard.push(id),
    failed: () => undefined,
    silent: (ids) => silent.push(...ids),
  };
  const left = new AbortController();
  const over = service.carryOut(rounds, conversation, { deadlineMs: DEADLINE_MS, signal: left.signal });
  over.catch(() => undefined);
  return { service, asked, heard, silent, left, over };
}

it('silent gateways keep others from being asked for a moment only, and are named when the time is over', async () => {
  const { asked, heard, silent, over } = searchOver(5, 2);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.map(({ gatewayId }) => gatewayId)).toEqual(['g0', 'g1']);
  await vi.advanceTimersByTimeAsync(300);
  asked.slice(2).forEach(({ answer }) => answer());
  await vi.advanceTimersByTimeAsync(0);
  asked.slice(4).forEach(({ answer }) => answer());
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(['g2', 'g3', 'g4']);
  await vi.advanceTimersByTimeAsync(DEADLINE_MS);
  await over;
  expect(silent).toEqual(['g0', 'g1']);
});

it('ends when all have answered, without waiting for the time to be over', async () => {
  const { asked, over, silent } = searchOver(3, 8);
  await vi.advanceTimersByTimeAsync(0);
  asked.forEach(({ answer }) => answer());
  await over;
  expect([silent, vi.getTimerCount()]).toEqual([[], 0]);
});

it('left by whoever asked, it cancels its questions, asks nobody else, and gives its turns to others', async () => {
  const { service, asked, left, over, heard } = searchOver(4, 2);
  await vi.advanceTimersByTimeAsync(0);
  left.abort(new Error('gone'));
  await expect(over).rejects.toThrow('gone');
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  expect([heard, service.turns.active]).toEqual([[], 0]);
});
