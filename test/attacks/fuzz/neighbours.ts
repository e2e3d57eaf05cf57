import { routes } from '../../../proto/http/routes.ts';
import type { Sample } from '../../../proto/gen/ctfleet/v1/stats.ts';
import type { FakeAgent } from '../../support/controller-fake-agent.ts';
import type { AttackedController, Place } from './attacked-controller.ts';
import type { Findings, Tally } from './findings.ts';

const FLOWS = 40;
const ROUND_MS = 400;
/** Far more than a busy machine needs. */
const LOST_MS = 30_000;

/** Honest gateways beside hostile ones: their samples are receipted, and whoever searches finds their flows. */
export class Neighbours {
  readonly #controller: AttackedController;
  readonly #findings: Findings;
  readonly #tally: Tally;
  readonly #agents: FakeAgent[];
  #isOver = false;
  #work: Promise<unknown> = Promise.resolve();

  private constructor(controller: AttackedController, agents: FakeAgent[], findings: Findings, tally: Tally) {
    [this.#controller, this.#agents, this.#findings, this.#tally] = [controller, agents, findings, tally];
  }

  /** Starts one per placement. */
  static async start(controller: AttackedController, places: Place[], findings: Findings, tally: Tally): Promise<Neighbours> {
    const agents: FakeAgent[] = [];
    for (const [number, place] of places.entries()) agents.push(await controller.honestAgent(place, `honest-gw${number}`, FLOWS));
    const neighbours = new Neighbours(controller, agents, findings, tally);
    neighbours.#work = Promise.all(agents.map((agent) => neighbours.#workAs(agent)));
    return neighbours;
  }

  get gatewayIds(): string[] {
    return this.#agents.map(({ gatewayId }) => gatewayId);
  }

  /** Ends them after the current round. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
    this.#agents.forEach((agent) => agent.disconnect());
  }

  async #workAs(agent: FakeAgent): Promise<void> {
    let cutBecause: string | undefined;
    void agent.ended.then((reason) => {
      cutBecause = reason;
    });
    for (let batch = 1n; !this.#isOver && this.#controller.process.isAlive; batch++) {
      if (cutBecause !== undefined) return this.#findings.add('an honest neighbour was cut', cutBecause);
      const beganMs = performance.now();
      agent.sendSamples(batch, [sampleNow()]);
      const search = this.#controller.api.call(routes.searchFlows, {
        body: { filter: 'proto:udp', scope: { gateways: [agent.gatewayId] } },
      });
      try {
        const { gateways, total } = await search;
        const state = gateways[0]?.state;
        if (state !== 'answered' || Number(total) !== FLOWS) this.#tally.add(`an honest neighbour was ${state}`);
        else this.#tally.add('searches of honest neighbours');
      } catch (error) {
        this.#findings.add('a search of an honest neighbour failed', (error as Error).message);
      }
      while (!agent.sampleReceipts.includes(batch)) {
        if (cutBecause !== undefined || !this.#controller.process.isAlive) break;
        if (performance.now() - beganMs > LOST_MS)
          return this.#findings.add('a sample of an honest neighbour got no receipt', `batch ${batch}`);
        await pause(10);
      }
      this.#tally.add('receipts of honest neighbours');
      agent.sampleReceipts.splice(0);
      await pause(ROUND_MS);
    }
  }
}

function sampleNow(): Sample {
  return {
    atMs: BigInt(Date.now()),
    count: BigInt(FLOWS),
    max: 262_144n,
    buckets: 65_536n,
    cpus: [],
    breakdown: undefined,
    wans: [],
    rates: undefined,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
