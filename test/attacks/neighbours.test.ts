import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Intake } from '../../controller/link/intake.ts';
import { AgentMessage } from '../../proto/gen/ctfleet/v1/link.ts';
import { Result } from '../../proto/gen/ctfleet/v1/operation.ts';
import { Sample } from '../../proto/gen/ctfleet/v1/stats.ts';
import { routes } from '../../proto/http/routes.ts';
import { AttackedFleet } from '../support/attacked-fleet.ts';
import type { FakeAgent } from '../support/controller-fake-agent.ts';
import { eventually } from '../support/controller-fleet.ts';
import { HostileAgent } from '../support/hostile-agent.ts';

const NEIGHBOURS = 10;
const ROUNDS = 8;

let fleet: AttackedFleet;
let neighbours: FakeAgent[];
let hostile: HostileAgent;

beforeAll(async () => {
  fleet = await AttackedFleet.start();
  const first = await fleet.gateway('Honest', 'gw0');
  const others = [];
  for (let number = 1; number < NEIGHBOURS; number++) others.push(await fleet.another(first.siteId, `gw${number}`));
  neighbours = await Promise.all([first, ...others].map((identity) => fleet.honest(identity)));
  hostile = new HostileAgent(await fleet.gateway('Evil', 'evil'));
});
afterAll(async () => {
  hostile.hangUp();
  neighbours.forEach((agent) => agent.disconnect());
  await fleet.stop();
});

/**
 * Informational only, not asserted: everything here shares two cores, the attacker included. How long a search over all neighbours and a
 * sample of each take, in milliseconds.
 */
async function measure(): Promise<{ searchMs: number[]; sampleMs: number[] }> {
  const [searchMs, sampleMs]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    let began = performance.now();
    const search = await fleet.owner.call(routes.searchFlows, {
      body: { filter: 'proto:udp', scope: { gateways: neighbours.map(({ gatewayId }) => gatewayId) } },
    });
    searchMs.push(performance.now() - began);
    expect(search.total).toBe(5 * NEIGHBOURS);
    began = performance.now();
    const batch = BigInt(round + 1);
    const before = neighbours.map(({ sampleReceipts }) => sampleReceipts.length);
    for (const agent of neighbours) agent.sendSamples(batch, [Sample.fromPartial({ atMs: BigInt(Date.now()), count: 5n })]);
    await eventually(
      'all samples are stored',
      async () => neighbours.every(({ sampleReceipts }, at) => sampleReceipts.length > before[at]!) || undefined,
    );
    sampleMs.push(performance.now() - began);
  }
  return { searchMs, sampleMs };
}

/** Everything that a gateway can send, over and over; it redials as soon as it is cut. */
async function attack(signal: AbortSignal): Promise<number> {
  const kinds = [
    () =>
      AgentMessage.encode({
        body: {
          $case: 'result',
          value: Result.fromPartial({ commandId: randomUUID(), runs: Array.from({ length: 20_000 }, () => ({ outcome: 1, count: 1 })) }),
        },
      }).finish(),
    () =>
      AgentMessage.encode({
        body: {
          $case: 'samples',
          value: {
            batch: 1n,
            samples: Array.from({ length: 200 }, (_, at) => Sample.fromPartial({ atMs: BigInt(Date.now() - at), count: 1n })),
          },
        },
      }).finish(),
    () => AgentMessage.encode({ body: { $case: 'pong', value: { sentAtMs: 1n } } }).finish(),
  ];
  const messages = function* () {
    for (let at = 0; !signal.aborted; at++) yield kinds[at % kinds.length]!();
  };
  let sent = 0;
  while (!signal.aborted) {
    if (await hostile.connect(fleet.controller.linkAddress)) sent += await hostile.flood(messages());
    else
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
  }
  return sent;
}

const atPercent = (values: number[], percent: number): string =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * percent) / 100))]!.toFixed(0);

describe('ten honest gateways beside a hostile one', () => {
  it('are answered and stored as before, while the hostile one is throttled and refused', async () => {
    await measure();
    const alone = await measure();
    const end = new AbortController();
    const attacked = attack(end.signal);
    const { counts } = fleet.controller.running.app.get(Intake);
    await eventually('it was cut and refused', async () => counts.refused > 1 || undefined);
    const beside = await measure();
    end.abort();
    hostile.hangUp();
    const sent = await attacked;
    for (const [what, { searchMs, sampleMs }] of Object.entries({ alone, beside })) {
      process.stdout.write(
        `${what}: search p50 ${atPercent(searchMs, 50)} ms, p99 ${atPercent(searchMs, 99)} ms; samples p50 ${atPercent(sampleMs, 50)} ms, p99 ${atPercent(sampleMs, 99)} ms\n`,
      );
    }
    process.stdout.write(`hostile: ${sent} messages, ${counts.refused} refusals, ${counts.useless} useless\n`);
    expect(neighbours.every(({ sampleReceipts }) => sampleReceipts.length === 3 * ROUNDS)).toBe(true);
  });
});
