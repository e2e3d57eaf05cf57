import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, it } from 'vitest';
import type { Aftermath } from '../proto/gen/ctfleet/v1/wan_event.ts';
import type { Flow } from '../proto/model/flow.ts';
import { IPS } from '../proto/model/status.ts';
import { MemoryTable } from './conntrack/memory/memory-table.ts';
import { Disk } from './disk/disk.ts';
import { FailoverWork } from './failover-work.ts';
import { WanEventStore } from './wans/wan-event-store.ts';
import { WanEvents } from './wans/wan-events.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const folder = mkdtempSync(path.join(os.tmpdir(), 'ctfleet-failover-work-'));
afterAll(() => rmSync(folder, { recursive: true }));

const phone = (id: number): Flow =>
  ({
    family: 4,
    proto: 17,
    zone: 0,
    id,
    status: IPS.SEEN_REPLY,
    mark: 0,
    labels: [],
    orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 5060, dport: 5060 },
    reply: { src: '198.51.100.10', dst: '192.0.2.1', sport: 5060, dport: 5060 },
    wan: 'wan2',
  }) as Flow;

/** Work whose time passes as fast as it waits, with a table that has one phone that came back. */
function aWork() {
  let [nowMs, untilMs] = [0, 0];
  let stop = new AbortController();
  let looks = 0;
  const clock = {
    now: () => nowMs,
    delay: async (ms: number) => {
      nowMs = Math.min(nowMs + ms, untilMs);
      if (nowMs >= untilMs) stop.abort();
    },
  };
  const table = Object.assign(new MemoryTable(clock), {
    collect: async function* () {
      looks++;
      yield [phone(101)];
    },
  });
  const controllerClock = { offsetMs: () => 0 };
  const events = new WanEvents({ store: new WanEventStore(folder, new Disk()), clock, controllerClock, onNews: () => undefined });
  const said: Aftermath[] = [];
  const outbox = { isOpen: false, aftermath: (_: string, aftermath: Aftermath) => void (outbox.isOpen && said.push(aftermath)) };
  const context = () => ({ wans: [], protections: [] });
  const work = new FailoverWork({ table, context, events, outbox, clock, controllerClock, log: pino({ level: 'silent' }) });
  return {
    work,
    outbox,
    said,
    looks: () => looks,
    pass: (ms: number) => {
      untilMs = nowMs + ms;
      stop = new AbortController();
      return work.run(stop.signal);
    },
  };
}

it('what became of flows that were ended while the link was cut for hours is told once it is back, and not for ever', async () => {
  const { work, outbox, said, pass, looks } = aWork();
  work.ended({ runId: 'a run' }, [phone(1)]);
  await pass(3 * HOUR_MS);
  expect(looks()).toBeLessThanOrEqual(7);
  expect(said).toEqual([]);
  outbox.isOpen = true;
  work.tell();
  expect(said).toMatchObject([{ of: { value: 'a run' }, cameBack: { isFinal: true, answered: { calls: 1n }, byWan: { wan2: 1n } } }]);
  // The session ended too early to be sure that it was heard.
  work.tell();
  expect(said).toHaveLength(2);
  await pass(30 * MINUTE_MS);
  work.tell();
  expect(said).toHaveLength(2);
});
