import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { RuleEvents } from '../rules/rule-events.ts';
import { parseRuleset, type RulesetFacts } from './ruleset.ts';

const execute = promisify(execFile);
/** To list large rulesets takes a while: after a change was heard, after a sign that there may have been one, and without one. */
const AFTER_CHANGE_MS = 900;
const AFTER_SIGN_MS = 30_000;
const OTHERWISE_MS = 300_000;
const MOST_BYTES = 64 << 20;

/** What the gateway's own rules say, read by nft with fixed arguments and no shell. */
export class RulesetReader {
  readonly #now: () => number;
  readonly #list: () => Promise<string>;
  readonly #events: Pick<RuleEvents, 'take'> | undefined;
  #isChanged = false;
  #facts: RulesetFacts | undefined;
  #why: string | undefined = 'they have not been read yet';
  #readAtMs = -Infinity;
  #reading: Promise<void> | undefined;

  /**
   * @param now milliseconds of any clock that does not go back
   * @param events absent where changes cannot be heard
   */
  constructor(now: () => number, list: () => Promise<string> = listRuleset, events?: Pick<RuleEvents, 'take'>) {
    this.#now = now;
    this.#list = list;
    this.#events = events;
  }

  /** As last read; undefined where they could not be. */
  get facts(): RulesetFacts | undefined {
    return this.#facts;
  }

  /** Why there are no facts. */
  get why(): string | undefined {
    return this.#why;
  }

  /** Reads them anew unless that was done lately; sooner after a change or a sign of one. What is in sets makes no difference to the facts. Never rejects. */
  refresh(isSign = false): Promise<void> {
    if (this.#events?.take() === 'rules') this.#isChanged = true;
    if (this.#now() - this.#readAtMs < (this.#isChanged ? AFTER_CHANGE_MS : isSign ? AFTER_SIGN_MS : OTHERWISE_MS)) return this.#reading ?? Promise.resolve();
    this.#isChanged = false;
    this.#readAtMs = this.#now();
    return (this.#reading = this.#read());
  }

  async #read(): Promise<void> {
    try {
      this.#facts = parseRuleset(await this.#list());
      this.#why = undefined;
    } catch (error) {
      this.#facts = undefined;
      this.#why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nft is not there: install nftables' : (error as Error).message.split('\n')[0]!;
    }
  }
}

/** Rules of the old iptables are not in nft's list, so that where there are some the list is only a part. */
export async function listRuleset(): Promise<string> {
  const legacy = await Promise.all(['/proc/net/ip_tables_names', '/proc/net/ip6_tables_names'].map((file) => readFile(file, 'utf8').catch(() => '')));
  if (legacy.some((names) => names.trim() !== '')) throw new Error('iptables-legacy has rules beside those of nft');
  return (await execute('nft', ['-j', '-t', 'list', 'ruleset'], { maxBuffer: MOST_BYTES, timeout: 10_000 })).stdout;
}
