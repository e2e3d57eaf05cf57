import type { Home } from '../../../tools/demo/programs.ts';
import type { Ask, Outage } from '../history.ts';
import { checkInvariants, type Violation } from '../invariants.ts';
import { Fleet } from './fleet.ts';
import { COMMAND_TTL_MS, Play, SYSTEM_SCENARIOS } from './scenarios.ts';

/** A controller that works as it should stays far below this; one that keeps data without bounds soon reaches it. */
const HEAP_MB = 192;
/** Five gateways, so that a flush over all of them goes in waves. */
const GATEWAYS = 5;
const SLOTS = 80;
const CONTROLLER = 'whole';

/** A system whose only controller is restarted for each scenario, as it is or with a seeded bug. */
export class SystemStage {
  readonly #fleet: Fleet;
  readonly #asks: Ask[] = [];
  readonly #faults: Outage[] = [];
  readonly #known = new Set<string>();
  #slot = 0;

  private constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  static async set(home: Home): Promise<SystemStage> {
    return new SystemStage(
      await Fleet.start({
        home,
        controllers: [CONTROLLER],
        gateways: GATEWAYS,
        slots: SLOTS,
        controllerEnv: {
          CTFLEET_SAMPLE_INTERVAL_MS: '1000',
          CTFLEET_COMMAND_TTL_MS: String(COMMAND_TTL_MS),
          NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
        },
      }),
    );
  }

  /**
   * Plays a scenario, with a bug or without, and returns the promises it broke that held before. Throws if the controller does not come up.
   */
  async play(scenario: string, bug?: string): Promise<Violation[]> {
    const { parts } = this.#fleet;
    const fromMs = Date.now();
    // It is not running after a bug that could not be planted.
    if (parts.isRunning(CONTROLLER)) await parts.signal(CONTROLLER, 'SIGKILL');
    await parts.startController(CONTROLLER, bug);
    await this.#fleet.untilLinked(fromMs);
    this.#faults.push({ name: 'controller', fromMs, toMs: Date.now() });
    const play = new Play(this.#fleet, () => this.#slot++);
    await SYSTEM_SCENARIOS[scenario]!(play);
    // What it left behind is read through a controller; one that died is started again, as its supervisor would.
    if (!parts.isRunning(CONTROLLER)) {
      await parts.startController(CONTROLLER);
      await this.#fleet.untilLinked(fromMs);
      this.#faults.push({ name: 'controller', fromMs, toMs: Date.now() });
    }
    this.#asks.push(...play.asks);
    this.#faults.push(...play.faults);
    const violations = checkInvariants(await this.#fleet.collect(this.#asks, this.#faults));
    const found = violations.filter((violation) => !this.#known.has(keyOf(violation)));
    found.forEach((violation) => this.#known.add(keyOf(violation)));
    return found;
  }

  close(): void {
    this.#fleet.parts.proxy.close();
  }
}

function keyOf({ invariant, subject, what }: Violation): string {
  return `${invariant} ${subject} ${what}`;
}
