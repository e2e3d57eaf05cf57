import { readFileSync } from 'node:fs';
import type { RouteQuestion } from '../netlink/route-messages.ts';
import { RouteSocket } from '../netlink/route-socket.ts';
import { NetlinkError } from '../netlink/socket.ts';
import { GatewayRules } from './gateway-rules.ts';
import { readKernelRuleset } from './kernel-ruleset.ts';
import { readSurroundings } from './kernel-surroundings.ts';
import type { Answer } from './packet.ts';
import type { RuleChange } from './rule-events.ts';
import type { Rules } from './rules.ts';
import type { Ruleset } from './ruleset.ts';
import type { Surroundings } from './surroundings.ts';

/** After a read the next waits nine times as long as it took, so that rules that change all the time cost a tenth of a core at most; but no answer is older than a second. */
const REST_PER_READ = 9;
const MIN_REST_MS = 200;
const MAX_REST_MS = 900;
/** Interfaces and addresses are read in a millisecond. */
const SURROUNDINGS_MS = 500;
/** Elements that end by themselves end without a message; see decode.ts. */
const MAX_AGE_MS = 60_000;

export interface RulesReaderOptions {
  /** Milliseconds of any clock that does not go back. */
  now: () => number;
  /** Absent where changes cannot be heard: then rules are read each second if someone asks. */
  events?: { take(): RuleChange | undefined };
  readRuleset?: () => Ruleset;
  readSurroundings?: () => Surroundings;
  /** Why the nf_tables of the kernel are not all the rules. */
  whyPartial?: () => string | undefined;
}

/** Rules and what they ask of the gateway: plain data, of which a thread makes GatewayRules. */
export interface RulesData { ruleset: Ruleset; surroundings: Surroundings }

/** The gateway's rules as they are. Nothing is read unless someone asks: a firewall that rewrites a set each second keeps nobody busy but those who want to know. */
export class RulesReader {
  readonly #options: Required<Omit<RulesReaderOptions, 'events'>> & Pick<RulesReaderOptions, 'events'>;
  #ruleset: Answer<Ruleset> = { isKnown: false, why: 'the rules have not been read yet' };
  #surroundings: Surroundings | undefined;
  #data: RulesData | undefined;
  #rules: GatewayRules | undefined;
  #isChanged = true;
  #readAtMs = -Infinity;
  #restMs = 0;
  #lookedAtMs = -Infinity;

  constructor(options: RulesReaderOptions) {
    this.#options = { readRuleset: readKernelRuleset, readSurroundings, whyPartial: whyLegacy, ...options };
  }

  /** The rules, no older than a second; or why they are not known. Takes some milliseconds where they have changed. */
  current(): Answer<Rules> {
    const data = this.data();
    if (!data.isKnown) return data;
    this.#rules ??= new GatewayRules(data.value.ruleset, { ...data.value.surroundings, waysOut: lookUpRoute });
    return { isKnown: true, value: this.#rules };
  }

  /** The same for another thread. The object is the same until something has changed. */
  data(): Answer<RulesData> {
    this.#refresh();
    if (!this.#ruleset.isKnown) return this.#ruleset;
    return { isKnown: true, value: this.#data ??= { ruleset: this.#ruleset.value, surroundings: this.#surroundings! } };
  }

  #refresh(): void {
    const { now, events } = this.#options;
    const nowMs = now();
    if (events?.take() !== undefined) this.#isChanged = true;
    const ageMs = nowMs - this.#readAtMs;
    const isDue = this.#isChanged || ageMs >= (events ? MAX_AGE_MS : MAX_REST_MS);
    if (isDue && ageMs >= this.#restMs) this.#read(nowMs);
    if (nowMs - this.#lookedAtMs >= SURROUNDINGS_MS) this.#look(nowMs);
  }

  #read(nowMs: number): void {
    const { now, readRuleset, whyPartial } = this.#options;
    this.#isChanged = false;
    this.#forget();
    try {
      const why = whyPartial();
      this.#ruleset = why === undefined ? { isKnown: true, value: readRuleset() } : { isKnown: false, why };
    } catch (error) {
      this.#ruleset = { isKnown: false, why: whyOf(error) };
    }
    const tookMs = now() - nowMs;
    this.#readAtMs = nowMs;
    this.#restMs = tookMs + Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, tookMs * REST_PER_READ));
  }

  #look(nowMs: number): void {
    this.#lookedAtMs = nowMs;
    let seen: Surroundings;
    try {
      seen = this.#options.readSurroundings();
    } catch (error) {
      this.#forget();
      this.#isChanged = true;
      this.#ruleset = { isKnown: false, why: whyOf(error) };
      return;
    }
    if (this.#surroundings && textOf(seen) === textOf(this.#surroundings)) return;
    this.#surroundings = seen;
    this.#forget();
  }

  #forget(): void {
    this.#rules = undefined;
    this.#data = undefined;
  }
}

/** Asks the kernel; undefined where it cannot say. Blocks for microseconds. */
export function lookUpRoute(question: RouteQuestion): number[] | undefined {
  const socket = new RouteSocket();
  try {
    return socket.waysOut(question);
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

function textOf({ links, locals }: Surroundings): string {
  return JSON.stringify([[...links], locals.map(({ bytes, bits, type, link }) => [String(bytes), bits, type, link])]);
}

function whyOf(error: unknown): string {
  if (error instanceof NetlinkError && error.code === 'EPERM') return 'the agent may not read the rules: it needs CAP_NET_ADMIN';
  if (error instanceof NetlinkError && (error.code === 'EINVAL' || error.code === 'EOPNOTSUPP')) return `this kernel has no nf_tables (${error.message})`;
  if (error instanceof Error) return `the rules cannot be read: ${error.message}`;
  throw error;
}

/** Rules of the old iptables are not in nf_tables. The tables are those of the thread's network namespace. */
function whyLegacy(): string | undefined {
  for (const file of ['ip_tables_names', 'ip6_tables_names']) {
    try {
      if (readFileSync(`/proc/thread-self/net/${file}`, 'utf8').trim() !== '') return 'iptables-legacy has rules beside those of nf_tables';
    } catch {
      // The kernel has no iptables-legacy.
    }
  }
  return undefined;
}
