import { haveChanged, type Abilities } from './abilities.ts';
import type { Clock } from './time/clock.ts';

/** What was tried so lately is said again at a new session: to try it starts programs, and a fleet that comes back has better to do. */
const FRESH_MS = 10_000;
/** How often it is tried whether what can be done here has changed, where nothing seems to be missing. */
const LOOK_AGAIN_MS = 60_000;

/** As `abilitiesOf` tries them. */
export type TriedAbilities = Abilities & { tableError: string };

/** What the last hello said that this gateway can do, and whether that still holds. */
export class ToldAbilities {
  readonly #tryNow: () => Promise<TriedAbilities>;
  readonly #clock: Clock;
  #told: TriedAbilities | undefined;
  #tried: { atMs: number; abilities: TriedAbilities } | undefined;
  #lookedAtMs = 0;

  constructor(tryNow: () => Promise<TriedAbilities>, clock: Clock) {
    this.#tryNow = tryNow;
    this.#clock = clock;
  }

  /** For a hello. Tries all of them, unless that was just done and nothing hid the table. */
  async tell(): Promise<TriedAbilities> {
    const { atMs, abilities } = this.#tried ?? {};
    const isFresh = atMs !== undefined && this.#clock.now() - atMs < FRESH_MS && abilities?.tableError === '';
    return (this.#told = isFresh ? abilities : await this.#try());
  }

  /**
   * What was missing may have come, as when a firewall loads nf_conntrack late at boot, and the other way round: true if a new hello has to
   * say so. Looks each minute, at each call while the table cannot be seen, and at once when asked to.
   */
  async haveChanged(isAtOnce: boolean): Promise<boolean> {
    const told = this.#told;
    const nowMs = this.#clock.now();
    if (!told || (!isAtOnce && told.tableError === '' && nowMs - this.#lookedAtMs < LOOK_AGAIN_MS)) return false;
    this.#lookedAtMs = nowMs;
    if (!haveChanged(told, await this.#try())) return false;
    this.#told = undefined;
    return true;
  }

  async #try(): Promise<TriedAbilities> {
    const atMs = this.#clock.now();
    const abilities = await this.#tryNow();
    this.#tried = { atMs, abilities };
    return abilities;
  }
}
