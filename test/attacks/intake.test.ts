import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AgentMessage, ControllerMessage } from '../../proto/gen/ctfleet/v1/link.ts';
import { Progress_Phase } from '../../proto/gen/ctfleet/v1/operation.ts';
import { routes } from '../../proto/http/routes.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';
import type { FakeAgent } from '../support/controller-fake-agent.ts';
import { eventually } from '../support/controller-fleet.ts';
import { HostileAgent } from '../support/hostile-agent.ts';

let fleet: AttackedFleet;
let honest: FakeAgent;
let hostile: HostileAgent;
let made = 0;

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  honest = await fleet.honest(await fleet.gateway('Acme', 'gw1'));
});
afterEach(() => hostile?.hangUp());
afterAll(async () => {
  honest.disconnect();
  await fleet.stop();
});

async function enterHostile(): Promise<void> {
  hostile = new HostileAgent(await fleet.gateway(`Evil ${++made}`, `evil${made}`));
  expect(await hostile.connect(fleet.controller.linkAddress)).toBe(true);
}

describe('a gateway', () => {
  it('that reports on commands nobody gave it is cut', async () => {
    await enterHostile();
    const progress = () =>
      AgentMessage.encode({
        body: { $case: 'progress', value: { commandId: randomUUID(), phase: Progress_Phase.PHASE_DELETING, done: 1, total: 2 } },
      }).finish();
    await hostile.flood(
      (function* () {
        for (let message = 0; message < 500; message++) yield progress();
      })(),
    );
    expect((await hostile.ended).code).toBe('RATE_LIMITED');
    const entries = await eventually('it is on record', async () => {
      const found = await fleet.entries('gateway.cut');
      return found.length > 0 ? found : undefined;
    });
    expect(entries).toHaveLength(1);
  });

  it('that sends messages of more than 256 KiB is refused after a few', async () => {
    await enterHostile();
    const codes: string[] = [];
    for (let session = 0; session < 12; session++) {
      if (session > 0 && !(await hostile.connect(fleet.controller.linkAddress))) break;
      hostile.sendRaw(Buffer.alloc(300 * 1024));
      codes.push((await hostile.ended).code);
      hostile.hangUp();
    }
    expect(codes).toEqual([...Array<string>(10).fill('INVALID_REQUEST'), 'RATE_LIMITED']);
  });

  it('that holds answers open has 64 of them at most', async () => {
    await enterHostile();
    const answers = Array.from({ length: 65 }, () => hostile.answer([]));
    expect(await Promise.race(answers.map(({ ended }) => ended))).toMatchObject({
      code: 'RATE_LIMITED',
      details: expect.stringContaining('too many answers open'),
    });
    answers.forEach(({ call }) => call.cancel());
  });

  it('that begins an answer and never says to which query is cut', async () => {
    await enterHostile();
    expect(await hostile.answer([]).ended).toMatchObject({
      code: 'INVALID_REQUEST',
      details: 'An answer must name its query within 10 s.',
    });
  });
});

describe('an agent that cannot read a query', () => {
  it('has it answered on its behalf at once, with a message, and recorded once', async () => {
    honest.onQuery = (query) => {
      const bytes = ControllerMessage.encode({ body: { $case: 'query', value: query } }).finish().length;
      honest.send({ $case: 'unreadable', value: { bytes, detail: 'invalid wire type\0' } });
      return undefined;
    };
    for (let search = 0; search < 2; search++) {
      const { gateways } = await fleet.owner.call(routes.searchFlows, {
        body: { filter: 'proto:udp', scope: { gateways: [honest.gatewayId] } },
      });
      expect(gateways).toMatchObject([{ reason: expect.stringContaining('cannot read the query') }]);
    }
    const [entry, ...others] = await eventually('it is on record', async () => {
      const entries = await fleet.entries('gateway.unreadable');
      return entries.length > 0 ? entries : undefined;
    });
    expect(others).toEqual([]);
    expect(entry!.detail).toMatchObject({ isQuery: true });
  });
});
