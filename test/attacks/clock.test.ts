import { afterEach, describe, expect, it } from 'vitest';
import { steadyNow, systemClock, type Clock } from '../../agent/time/clock.ts';
import { MemoryTable } from '../../agent/conntrack/memory/memory-table.ts';
import { Method, Outcome, Result_State, type Command } from '../../proto/gen/ctfleet/v1/operation.ts';
import { HostileController, type HostileSession } from '../support/hostile-controller.ts';
import { entryOf } from '../support/sample-entries.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const FLOWS = 95;
const EVERYTHING = { node: { $case: 'everything' as const, value: true } };

/** A gateway's two clocks and a controller's one, in agreement until somebody sets one. Time advances only when the test says so. */
class Clocks {
  passedMs = 1_000_000;
  wallOffsetMs = 1_700_000_000_000;
  controllerOffsetMs = 1_700_000_007_000;

  readonly gateway: Clock = {
    now: steadyNow(
      () => this.passedMs + this.wallOffsetMs,
      () => this.passedMs,
    ),
    delay: systemClock.delay,
  };

  controllerNow(): bigint {
    return BigInt(this.passedMs + this.controllerOffsetMs);
  }
}

let controller: HostileController | undefined;
afterEach(async () => {
  await controller?.end();
});

/** A gateway with a plan of all its flows, and a controller whose deadlines are two minutes away. */
async function gateway(clocks: Clocks) {
  controller = await HostileController.start({ welcome: () => ({ controllerTimeMs: clocks.controllerNow() }) });
  const table = new MemoryTable({ now: clocks.gateway.now });
  for (let n = 0; n < FLOWS; n++)
    table.insert(
      entryOf({ proto: 17, orig: { src: '10.1.0.1', dst: '198.51.100.10', sport: 1000 + n, dport: 5060 }, timeoutSeconds: 30 * 86_400 }),
    );
  await controller.startAgent({ table, clock: clocks.gateway });
  let plans = 0;
  const command = async (session: HostileSession): Promise<Command> => {
    const planId = `01900000-0000-7000-8000-${String(++plans).padStart(12, '0')}`;
    const parts = await controller!.ask(session, {
      id: planId,
      deadlineMs: 20_000,
      ask: {
        $case: 'plan',
        value: { planId, filter: EVERYTHING, method: Method.METHOD_DELETE, expiresAtMs: clocks.controllerNow() + 300_000n, maxFlows: 1000 },
      },
    });
    const last = parts.at(-1)?.part;
    const digest = last?.$case === 'end' ? last.value.digest : Buffer.alloc(0);
    return {
      id: `c${plans}`,
      seq: BigInt(plans),
      epoch: 1n,
      notAfterMs: clocks.controllerNow() + BigInt(2 * MINUTE_MS),
      work: { $case: 'runPlan', value: { planId, digest, method: Method.METHOD_DELETE, verifyAfterMs: 0 } },
    };
  };
  const ping = (session: HostileSession) => session.send({ $case: 'ping', value: { sentAtMs: clocks.controllerNow() } });
  return { controller, table, command, ping };
}

const STEPS: [string, number][] = [
  ['ten minutes back', -10 * MINUTE_MS],
  ['ten minutes forward', 10 * MINUTE_MS],
  ['two days back', -2 * DAY_MS],
  ['two days forward', 2 * DAY_MS],
];

describe.each(STEPS)('a gateway’s clock that is set %s', (_, stepMs) => {
  it('has no flow ended after its deadline', async () => {
    const clocks = new Clocks();
    const { controller: at, table, command } = await gateway(clocks);
    const session = await at.session();
    const late = await command(session);
    clocks.wallOffsetMs += stepMs;
    clocks.passedMs += 2 * MINUTE_MS + 1_000;
    expect(await at.command(session, late)).toMatchObject({ state: Result_State.STATE_EXPIRED, reason: 'COMMAND_LATE' });
    expect(await table.count()).toBe(FLOWS);
  });

  it('lets no command expire before its deadline, and its messages carry the controller’s time', async () => {
    const clocks = new Clocks();
    const { controller: at, command } = await gateway(clocks);
    const session = await at.session();
    const timely = await command(session);
    clocks.wallOffsetMs += stepMs;
    clocks.passedMs += MINUTE_MS;
    const result = await at.command(session, timely);
    expect(result).toMatchObject({ state: Result_State.STATE_DONE, runs: [{ outcome: Outcome.OUTCOME_DELETED, count: FLOWS }] });
    expect(Math.abs(Number(result.finishedAtMs - clocks.controllerNow()))).toBeLessThan(1_000);
  });
});

describe('a controller’s clock', () => {
  it('that is set back is measured again, and its next command runs', async () => {
    const clocks = new Clocks();
    const { controller: at, command, ping } = await gateway(clocks);
    const first = await at.session();
    clocks.controllerOffsetMs -= 10 * MINUTE_MS;
    await ping(first);
    const session = await at.session(2);
    expect(await at.command(session, await command(session))).toMatchObject({ state: Result_State.STATE_DONE });
  });

  it('that is set forward is followed at once: earlier commands are late, later ones are not', async () => {
    const clocks = new Clocks();
    const { controller: at, table, command, ping } = await gateway(clocks);
    const session = await at.session();
    const before = await command(session);
    clocks.controllerOffsetMs += 10 * MINUTE_MS;
    await ping(session);
    expect(await at.command(session, before)).toMatchObject({ state: Result_State.STATE_EXPIRED });
    expect(await table.count()).toBe(FLOWS);
    expect(await at.command(session, await command(session))).toMatchObject({ state: Result_State.STATE_DONE });
  });
});
