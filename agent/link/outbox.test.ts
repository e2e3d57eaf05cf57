import { describe, expect, it } from 'vitest';
import type { AgentMessage } from '../../proto/gen/ctfleet/v1/link.ts';
import { Outcome, Progress_Phase, Result_State, type Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { RemediationRun } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { ControllerClock } from '../time/controller-clock.ts';
import { Outbox } from './outbox.ts';
import { toParts } from './outbox-sources.ts';
import { Spool } from './spool.ts';

const sample = (atMs: number): Sample => ({
  atMs: BigInt(atMs),
  count: 1n,
  max: undefined,
  buckets: undefined,
  cpus: [],
  breakdown: undefined,
  wans: [],
  rates: undefined,
});
const result = (commandId: string, runs = 0): Result => ({
  commandId,
  state: Result_State.STATE_DONE,
  reason: '',
  detail: '',
  part: 0,
  isLastPart: true,
  tableBefore: undefined,
  tableAfter: undefined,
  startedAtMs: 0n,
  finishedAtMs: 0n,
  runs: Array.from({ length: runs }, (_, index) => ({ outcome: index % 2 ? Outcome.OUTCOME_GONE : Outcome.OUTCOME_DELETED, count: 1 })),
});
const progress = (done: number) => ({ commandId: 'c', phase: Progress_Phase.PHASE_DELETING, done, total: 10 });

const NO_OFFSET = { offsetMs: () => 0, isSure: true };
const none = { take: () => undefined, reset: () => undefined };

function session(outbox: Outbox, room = Infinity): AgentMessage['body'][] {
  const said: AgentMessage['body'][] = [];
  outbox.open((message) => {
    said.push(message.body);
    return said.length < room;
  });
  return said;
}

describe('the outbox', () => {
  it('keeps results and samples while there is no session, and says results first', () => {
    const spool = new Spool(NO_OFFSET);
    const outbox = new Outbox(spool, none, none);
    spool.add(sample(1));
    outbox.result(result('a'));
    expect(session(outbox).map((body) => body?.$case)).toEqual(['result', 'samples']);
  });

  it('says what became of a run’s flows after the run itself, which a controller has to know first', () => {
    const runs = [RemediationRun.fromPartial({ id: 'run' })];
    const outbox = new Outbox(new Spool(NO_OFFSET), { take: () => runs.shift(), reset: () => undefined }, none);
    outbox.aftermath('run', { of: { $case: 'runId', value: 'run' }, cameBack: undefined });
    expect(session(outbox).map((body) => body?.$case)).toEqual(['remediationRun', 'aftermath']);
  });

  it('says of a command’s progress only the newest when the stream was full', () => {
    const outbox = new Outbox(new Spool(NO_OFFSET), none, none);
    const said = session(outbox, 1);
    for (let done = 1; done <= 9; done++) outbox.progress(progress(done));
    expect(said).toHaveLength(1);
    outbox.drained();
    expect(said.map((body) => body?.$case === 'progress' && body.value.done)).toEqual([1, 9]);
  });

  it('says how the gateway is set only as it is now, and nothing of it in a later session', () => {
    const outbox = new Outbox(new Spool(NO_OFFSET), none, none);
    const state = (unknown: string) => ({ inForce: undefined, pending: undefined, drift: [], driftLeft: 0, unknown });
    const said = session(outbox, 1);
    for (const why of ['a', 'b', 'c']) outbox.policyState(state(why));
    outbox.drained();
    expect(said.map((body) => body?.$case === 'policyState' && body.value.unknown)).toEqual(['a', 'c']);
    outbox.policyState(state('d'));
    outbox.close();
    expect(session(outbox)).toEqual([]);
  });

  it('sends one batch of samples at a time, and the same again in a new session if it was not received', () => {
    const spool = new Spool(NO_OFFSET);
    const outbox = new Outbox(spool, none, none);
    for (let n = 0; n < 100; n++) spool.add(sample(n));
    const first = session(outbox);
    expect(first.map((body) => body?.$case === 'samples' && body.value.samples.length)).toEqual([60]);
    outbox.close();
    const second = session(outbox);
    expect(second.map((body) => body?.$case === 'samples' && Number(body.value.samples[0]?.atMs))).toEqual([0]);
    const batch = second[0]?.$case === 'samples' ? second[0].value.batch : 0n;
    spool.received(batch);
    outbox.pump();
    expect(spool.size).toBe(40);
    expect(second).toHaveLength(2);
  });

  it('divides a long result into parts that add up', () => {
    const parts = toParts(result('a', 20_001));
    expect(parts.map((part) => part.runs.length)).toEqual([8000, 8000, 4001]);
    expect(parts.map((part) => part.isLastPart)).toEqual([false, false, true]);
  });
});

describe('the spool', () => {
  /** Of a gateway that has not heard of the controller yet. */
  function unwelcomed() {
    const gateway = { ms: 50_000 };
    const controllerClock = new ControllerClock(() => gateway.ms);
    const spool = new Spool(controllerClock);
    const welcome = (offsetMs: number, tookMs = 0): void => controllerClock.welcome(gateway.ms + offsetMs, gateway.ms - tookMs);
    const hear = (offsetMs: number): void => void controllerClock.hear(gateway.ms + offsetMs);
    return { gateway, spool, welcome, hear };
  }

  it('tells samples of before the first welcome by the controller’s time', () => {
    const { spool, welcome } = unwelcomed();
    for (const atMs of [1000, 2000]) spool.add(sample(atMs));
    welcome(-600);
    spool.add(sample(3000));
    expect(spool.take()?.samples.map(({ atMs }) => atMs)).toEqual([400n, 1400n, 2400n]);
  });

  it('leaves samples as they are at a later welcome, which measures the controller’s time again', () => {
    const { spool, welcome } = unwelcomed();
    spool.add(sample(1000));
    welcome(-600);
    spool.add(sample(2000));
    welcome(-700);
    expect(spool.take()?.samples.map(({ atMs }) => atMs)).toEqual([400n, 1400n]);
  });

  it('keeps samples until a later word where the welcome waited for seconds, and dates them by that', () => {
    const { gateway, spool, welcome, hear } = unwelcomed();
    spool.add(sample(1000));
    welcome(-9600, 9000);
    spool.add(sample(2000));
    hear(-9600);
    expect(spool.take()).toBeUndefined();
    gateway.ms += 5000;
    // It is taken to have been under way for half a second.
    hear(-1100);
    expect(spool.take()?.samples.map(({ atMs }) => atMs)).toEqual([400n, 1400n]);
  });

  it('sends what was dated before a slow welcome again with the same time', () => {
    const { gateway, spool, welcome, hear } = unwelcomed();
    welcome(-600);
    spool.add(sample(1000));
    const sent = spool.take()?.samples;
    spool.reset();
    welcome(-9600, 9000);
    spool.add(sample(2000));
    expect(spool.take()?.samples).toEqual(sent);
    spool.reset();
    gateway.ms += 5000;
    hear(-1000);
    expect(spool.take()?.samples.map(({ atMs }) => atMs)).toEqual([400n, 1500n]);
  });

  it('moves the time of a sample’s walk of the table with its own', () => {
    const { spool, welcome } = unwelcomed();
    spool.add(Sample.fromPartial({ atMs: 2000n, breakdown: { atMs: 1500n } }));
    welcome(-600);
    expect(spool.take()?.samples).toMatchObject([{ atMs: 1400n, breakdown: { atMs: 900n } }]);
  });

  it('forgets the oldest when it is full, even with a batch under way', () => {
    const spool = new Spool(NO_OFFSET, 3);
    for (let n = 0; n < 3; n++) spool.add(sample(n));
    const taken = spool.take();
    spool.add(sample(3));
    spool.received(taken!.batch);
    expect(spool.size).toBe(1);
    expect(spool.take()?.samples.map((one) => Number(one.atMs))).toEqual([3]);
  });
});
