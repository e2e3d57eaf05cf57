import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { WanEvent_Sign as Sign, WanEvent_State as State, CameBack, type Using } from '../../proto/gen/ctfleet/v1/wan_event.ts';
import { Disk } from '../disk/disk.ts';
import { WanEventStore } from './wan-event-store.ts';
import { WanEvents } from './wan-events.ts';
import type { Wan } from './wans.ts';

const wan = (name: string, over: Partial<Wan> = {}): Wan => ({
  name,
  interface: name,
  addresses: [Uint8Array.from([192, 0, 2, name === 'wan1' ? 1 : 2])],
  isUp: true,
  carriesDefaultRoute: name === 'wan1',
  ...over,
});
const WELL = [wan('wan1'), wan('wan2')];
const MOVED = [wan('wan1', { carriesDefaultRoute: false }), wan('wan2', { carriesDefaultRoute: true, isAnswering: true })];
const DOWN = [wan('wan1', { isUp: false, carriesDefaultRoute: false }), wan('wan2', { carriesDefaultRoute: true })];

const kinds = (calls: number) => ({ calls: BigInt(calls), udp: 0n, tcp: 0n, vpn: 0n, other: 0n });
const using = (calls: number, waiting = 0): Using => ({ atMs: 1n, trying: kinds(calls), waiting: kinds(waiting) });

const root = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-wan-events-'));
afterAll(() => rmSync(root, { recursive: true }));

function aBook() {
  const folder = mkdtempSync(path.join(root, 'gateway-'));
  let nowMs = 1_000_000;
  let ids = 0;
  const clock = { now: () => nowMs };
  const make = (): WanEvents =>
    new WanEvents({
      store: new WanEventStore(folder, new Disk()),
      clock,
      controllerClock: { offsetMs: () => 500 },
      onNews: () => undefined,
      newId: () => `01900000-0000-7000-8000-${String(++ids).padStart(12, '0')}`,
    });
  return {
    make,
    pass: (ms: number) => void (nowMs += ms),
    now: () => nowMs,
  };
}

describe('a failover', () => {
  it('is one record from its first sign to its end, with who took over and what used the old WAN', () => {
    const { make, pass } = aBook();
    const events = make();
    events.observe(WELL);
    expect(events.open()).toEqual([]);
    pass(1000);
    events.observe(MOVED);
    const [event] = events.open();
    expect(event).toMatchObject({ wan: 'wan1', state: State.STATE_SEEN, target: 'wan2', isTargetHealthy: true });
    expect(event!.seen).toMatchObject([{ sign: Sign.SIGN_ROUTE, words: 'lost the default route' }]);
    events.look(event!.id, using(40, 3));
    expect(events.open()).toMatchObject([{ state: State.STATE_OPEN, atFirst: { trying: { calls: 40n } } }]);
    events.handledByRun('wan1', '01900000-0000-7000-8000-00000000000a');
    events.ended(event!.id, '01900000-0000-7000-8000-00000000000b');
    events.look(event!.id, using(2));
    expect(events.open()).toMatchObject([
      { state: State.STATE_BEING_FIXED, runIds: [expect.any(String)], commandIds: [expect.any(String)] },
    ]);
    events.look(event!.id, using(0));
    expect(events.open()).toMatchObject([{ state: State.STATE_HEALED, atFirst: { trying: { calls: 40n } } }]);
    pass(60_000);
    events.observe(WELL);
    expect(events.openOf('wan1')).toBeUndefined();
    const told = events.take()!.events.filter((one) => one.wan === 'wan1');
    expect(told).toMatchObject([{ state: State.STATE_CLOSED, target: 'wan2', beganAtMs: 1_001_500n, closedAtMs: 1_061_500n }]);
    expect(told[0]!.seen.map(({ sign }) => sign)).toEqual([Sign.SIGN_ROUTE, Sign.SIGN_RECOVERED]);
  });

  it('with phones that say something once a minute is healed only after two minutes without a packet, or once no flow is left', () => {
    const { make, pass } = aBook();
    const events = make();
    events.observe(WELL);
    events.observe(MOVED);
    const { id } = events.openOf('wan1')!;
    const stateAfter = (ms: number, count: Using) => {
      pass(ms);
      events.look(id, count);
      return events.openOf('wan1')?.state;
    };
    expect(stateAfter(0, using(0, 3))).toBe(State.STATE_SEEN);
    for (let minute = 0; minute < 5; minute++) {
      expect(stateAfter(30_000, using(3))).toBe(State.STATE_OPEN);
      expect(stateAfter(30_000, using(0, 3))).toBe(State.STATE_OPEN);
    }
    expect(stateAfter(110_000, using(0, 2))).toBe(State.STATE_OPEN);
    expect(stateAfter(10_000, using(0, 2))).toBe(State.STATE_HEALED);
    expect(stateAfter(1000, using(1, 1))).toBe(State.STATE_OPEN);
    expect(stateAfter(1000, using(0))).toBe(State.STATE_HEALED);
  });

  it('goes on where it was after a restart of the agent, also when the WAN works again by then', () => {
    const { make, pass } = aBook();
    const before = make();
    before.observe(WELL);
    before.observe(DOWN);
    const { id } = before.open()[0]!;
    const still = make();
    still.observe(DOWN);
    expect(still.open()).toMatchObject([{ id }]);
    pass(5000);
    const after = make();
    after.observe(WELL);
    expect(after.open()).toEqual([]);
    expect(after.take()!.events).toMatchObject([{ id, state: State.STATE_CLOSED }]);
  });

  it('by its route alone is still open after a restart of the agent, and closed when the route comes back', () => {
    const { make, pass } = aBook();
    const before = make();
    before.observe(WELL);
    before.observe(MOVED);
    const { id } = before.openOf('wan1')!;
    before.look(id, using(40));
    pass(5000);
    const after = make();
    after.observe(MOVED);
    expect(after.openOf('wan1')).toMatchObject({
      id,
      state: State.STATE_OPEN,
      target: 'wan2',
      seen: [{ words: 'lost the default route' }],
    });
    after.observe(WELL);
    expect(after.openOf('wan1')).toBeUndefined();
    const closed = after.take()!.events.find((event) => event.id === id)!;
    expect(closed.seen.map(({ sign }) => sign)).toEqual([Sign.SIGN_ROUTE, Sign.SIGN_RECOVERED]);
  });

  it('by silence is still open after a restart of the agent, until the WAN answers', () => {
    const { make } = aBook();
    const probed = (isAnswering: boolean | undefined) => [wan('wan1', { isAnswering }), wan('wan2')];
    const before = make();
    before.observe(probed(true));
    before.observe(probed(false));
    const { id } = before.openOf('wan1')!;
    const after = make();
    after.observe(probed(undefined));
    expect(after.openOf('wan1')).toMatchObject({ id, seen: [{ words: 'fell silent' }] });
    after.observe(probed(true));
    expect(after.openOf('wan1')).toBeUndefined();
  });

  it('of a WAN that is gone after a restart is healed once nothing uses it, and closed a day later', () => {
    const { make, pass } = aBook();
    const before = make();
    before.observe(WELL);
    before.observe(DOWN);
    const { id } = before.openOf('wan1')!;
    before.look(id, using(3));
    const after = make();
    after.observe(DOWN.slice(1));
    after.look(id, using(0));
    expect(after.openOf('wan1')).toMatchObject({ id, state: State.STATE_HEALED });
    pass(86_401_000);
    after.judge();
    expect(after.openOf('wan1')).toBeUndefined();
  });

  it('whose minute after a flush was cut short by a restart is forgotten once its end was received', () => {
    const { make } = aBook();
    const before = make();
    before.observe(WELL);
    before.observe(DOWN);
    const { id } = before.openOf('wan1')!;
    before.cameBack(id, CameBack.fromPartial({ sinceMs: 1n, watchedAtMs: 1n, isFinal: false, ended: kinds(1) }));
    const after = make();
    after.observe(WELL);
    const last = after.take()!.events.find((event) => event.id === id)!;
    expect(last).toMatchObject({ state: State.STATE_CLOSED, cameBack: { isFinal: false } });
    after.received(id, last.revision);
    expect((make().take()?.events ?? []).map((event) => event.id)).not.toContain(id);
  });

  it('is told again in each session until it was received, and forgotten once its end was', () => {
    const { make } = aBook();
    const events = make();
    events.observe(WELL);
    events.observe(DOWN);
    const first = events.take()!.events[0]!;
    expect(events.take()).toBeUndefined();
    events.reset();
    expect(events.take()!.events[0]).toEqual(first);
    events.received(first.id, first.revision);
    events.reset();
    expect(events.take()).toBeUndefined();
    events.observe(WELL);
    for (const last of events.take()!.events) {
      if (last.id === first.id) expect(last.revision).toBeGreaterThan(first.revision);
      events.received(last.id, last.revision);
    }
    expect(
      make()
        .open()
        .map(({ wan }) => wan),
    ).toEqual(['wan2']);
    expect(
      make()
        .take()!
        .events.map(({ wan }) => wan),
    ).toEqual(['wan2']);
  });

  it('that comes and goes is one record that flaps, until the WAN has been calm for ten minutes', () => {
    const { make, pass } = aBook();
    const events = make();
    events.observe(WELL);
    for (let round = 0; round < 5; round++) {
      pass(10_000);
      events.observe(DOWN);
      pass(10_000);
      events.observe(WELL);
    }
    const ofWan1 = () => events.open().filter((event) => event.wan === 'wan1');
    expect(ofWan1()).toMatchObject([{ state: State.STATE_FLAPPING }]);
    pass(599_000);
    events.judge();
    expect(ofWan1()).toHaveLength(1);
    pass(2000);
    events.judge();
    expect(ofWan1()).toEqual([]);
  });

  it('that flaps goes on flapping after a restart of the agent, for the rest of its ten minutes', () => {
    const { make, pass } = aBook();
    const before = make();
    before.observe(WELL);
    for (let round = 0; round < 5; round++) {
      pass(10_000);
      before.observe(DOWN);
      pass(10_000);
      before.observe(WELL);
    }
    const { id } = before.openOf('wan1')!;
    const after = make();
    after.observe(WELL);
    pass(599_000);
    after.judge();
    expect(after.openOf('wan1')).toMatchObject({ id, state: State.STATE_FLAPPING, changesAnHour: 10 });
    pass(2000);
    after.judge();
    expect(after.openOf('wan1')).toBeUndefined();
  });
});

it('whatever is observed, looked at and ended in whatever order: revisions rise, what is closed stays so, a restart closes nothing', () => {
  const step = fc.oneof(
    fc.constantFrom('well', 'moved', 'down', 'restart', 'session', 'ended').map((kind) => ({ kind, flows: 0 })),
    fc.nat(3).map((flows) => ({ kind: 'look', flows })),
    fc.constantFrom(1000, 61_000, 700_000, 90_000_000).map((flows) => ({ kind: 'pass', flows })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { make, pass } = aBook();
      let events = make();
      const revisions = new Map<string, number>();
      const closed = new Set<string>();
      let wans = WELL;
      events.observe(wans);
      for (const { kind, flows } of steps) {
        const [open] = events.open();
        if (kind === 'pass') pass(flows);
        else if (kind === 'restart') {
          events.judge();
          const ids = events.open().map(({ id }) => id);
          events = make();
          events.observe(wans);
          expect(events.open().map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
        } else if (kind === 'session') events.reset();
        else if (kind === 'look' && open) events.look(open.id, using(flows));
        else if (kind === 'ended' && open) events.ended(open.id);
        else if (kind === 'well' || kind === 'moved' || kind === 'down')
          events.observe((wans = { well: WELL, moved: MOVED, down: DOWN }[kind]));
        for (const name of ['wan1', 'wan2']) expect(events.open().filter((event) => event.wan === name).length).toBeLessThanOrEqual(1);
        for (const event of events.take()?.events ?? []) {
          expect(event.revision).toBeGreaterThanOrEqual(revisions.get(event.id) ?? 1);
          if (closed.has(event.id)) expect(event.state).toBe(State.STATE_CLOSED);
          revisions.set(event.id, event.revision);
          if (event.state === State.STATE_CLOSED) closed.add(event.id);
        }
      }
    }),
    { numRuns: 60 },
  );
});

it('a WAN that stands by again, and on which nothing is stuck, is no failover that anybody has to look at', () => {
  const { make, pass } = aBook();
  const events = make();
  events.observe(MOVED);
  events.observe(WELL);
  const standby = events.openOf('wan2')!;
  expect(standby.seen).toMatchObject([{ words: 'lost the default route' }]);
  events.look(standby.id, using(0, 5));
  expect(events.openOf('wan2')).toMatchObject({ state: State.STATE_SEEN });
  pass(120_000);
  events.look(standby.id, using(0, 5));
  expect(events.openOf('wan2')).toBeUndefined();
});
