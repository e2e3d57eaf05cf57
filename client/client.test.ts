import { expect, test } from 'vitest';
import { routes } from '../proto/http/routes.ts';
import { createEventParser } from './event-parser.ts';
import { Intents } from './intents.ts';
import { readProblem } from './problem.ts';
import { retryDelayMs } from './subscribe.ts';
import { routeUrl } from './route-url.ts';

test('a route becomes a URL with its parameters, and absent query values are omitted', () => {
  expect(routeUrl(routes.listSamples, { id: 'a/b' }, { points: 60, from: undefined })).toBe('/api/v1/gateways/a%2Fb/samples?points=60');
  expect(() => routeUrl(routes.getGateway)).toThrow('/gateways/{id} needs id');
});

test('events arrive whole however the stream is split', () => {
  const text = ': hello\r\nid: 7\ndata: {"a":\ndata: 1}\n\ndata: second\n\n';
  for (let cut = 0; cut <= text.length; cut++) {
    const parse = createEventParser();
    expect([...parse(text.slice(0, cut)), ...parse(text.slice(cut))]).toEqual([
      { id: '7', data: '{"a":\n1}' },
      { id: '7', data: 'second' },
    ]);
  }
});

test('an event without its empty line is not emitted', () => {
  expect(createEventParser()('data: half')).toEqual([]);
});

test('an unanswered request keeps its key, and is a new intent once it was answered or ten minutes have passed', () => {
  let nowMs = 0;
  let made = 0;
  const intents = new Intents(
    () => `key-${++made}`,
    () => nowMs,
  );
  expect([intents.keyOf('a'), intents.keyOf('b'), intents.keyOf('a')]).toEqual(['key-1', 'key-2', 'key-1']);
  intents.settle('a');
  expect(intents.keyOf('a')).toBe('key-3');
  nowMs = 600_001;
  expect(intents.keyOf('a')).toBe('key-4');
});

test('pauses between retries double up to half a minute', () => {
  expect([1, 2, 3, 9].map((failures) => retryDelayMs(failures, 0))).toEqual([1000, 2000, 4000, 30_000]);
  expect(retryDelayMs(9, 1)).toBe(22_500);
});

test('problems have plain sentences: a request in progress, a reused key, and how long to wait', async () => {
  const said = (code: string, status: number, detail: string, seconds?: number) =>
    readProblem(
      Response.json(
        { type: 'about:blank', title: code, status, code, detail },
        { status, headers: seconds === undefined ? {} : { 'retry-after': String(seconds) } },
      ),
    );
  expect((await said('IDEMPOTENCY_PENDING', 409, 'The same request has begun.')).message).toContain('press again; it is not done twice');
  expect((await said('IDEMPOTENCY_KEY_REUSED', 422, 'This Idempotency-Key came before.')).message).toBe(
    'The controller took this for another request of before, and did nothing. Press again.',
  );
  expect((await said('RATE_LIMITED', 429, 'You have used 10000 idempotency keys within a day.', 3600)).message).toBe(
    'You have used 10000 idempotency keys within a day. Try again in 60 min.',
  );
  expect((await said('RATE_LIMITED', 429, 'Too many attempts. Wait 40 s.', 40)).message).toBe('Too many attempts. Wait 40 s.');
  expect((await said('NOT_FOUND', 404, 'There is none.', 40)).message).toBe('There is none.');
  expect((await readProblem(new Response('<html>', { status: 429, headers: { 'retry-after': '121' } }))).message).toBe(
    'The controller answered 429 without a reason. Try again in 3 min.',
  );
});
