import { readFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import { DecodeError } from '../../netlink/attributes.ts';
import { NetlinkError } from '../../netlink/socket.ts';
import { GatewayRules } from '../../firewall/rules/gateway-rules.ts';
import { readGeneration, readKernelRuleset } from '../../firewall/rules/kernel-ruleset.ts';
import { readSurroundings } from '../../firewall/rules/kernel-surroundings.ts';
import { partOfHooks } from '../../firewall/rules/part-of-hooks.ts';
import { lookUpRoute } from '../../firewall/rules/look-up-route.ts';
import type { Ruleset } from '../../firewall/rules/ruleset.ts';
import type { Surroundings } from '../../firewall/rules/surroundings.ts';
import { AskedRules, HOOKS } from './asked-rules.ts';
import { RESET_TABLE } from '../../firewall/tables/refusal-rules.ts';
import type { Routes } from './routes.ts';
import { monotonicMs } from '../../time/monotonic.ts';

/** Elements of sets that have a time to live end without a change of the rules. */
const MAX_AGE_MS = 60_000;

/**
 * The gateway's rules as they are at each question: read again only where the kernel says that they have changed since. Answers are kept
 * while what
 * decides about routes and translation stays, so that a firewall that rewrites a set of blocked addresses each second costs only the
 * reading.
 * Blocks its thread for milliseconds.
 */
export class KernelRules {
  #part: { rules: Ruleset; text: string } | undefined;
  #text = '';
  #generation: number | undefined;
  #readAtMs = -Infinity;
  #asked = UNREAD;

  /** Where they cannot be read, or iptables-legacy has some beside them, nothing of them is known. */
  current(routes: Pick<Routes, 'destinations'>): AskedRules {
    if (hasLegacyRules()) return UNREAD;
    try {
      const generation = readGeneration();
      const isSame = generation !== 0 && generation === this.#generation && monotonicMs() - this.#readAtMs < MAX_AGE_MS;
      if (!isSame || !this.#part) {
        this.#readAtMs = monotonicMs();
        const rules = partOfHooks(readKernelRuleset(), HOOKS);
        this.#part = { rules, text: textOf(rules) };
      }
      // Of rules that changed while they were read the next question reads more.
      this.#generation = generation;
      const surroundings = readSurroundings();
      const text = this.#part.text + textOf(surroundings);
      if (text !== this.#text) this.#asked = new AskedRules(new GatewayRules(this.#part.rules, { ...surroundings, waysOut: lookUpRoute }));
      this.#text = text;
      return this.#asked.begin(routes);
    } catch (error) {
      this.#generation = undefined;
      if (error instanceof NetlinkError || error instanceof DecodeError) return UNREAD;
      throw error;
    }
  }

  /** All of them, filters too, read for one question: what a plan is told of its flows. */
  whole(routes: Pick<Routes, 'destinations'>): AskedRules {
    if (hasLegacyRules()) return UNREAD;
    try {
      return new AskedRules(new GatewayRules(withoutOwn(readKernelRuleset()), { ...readSurroundings(), waysOut: lookUpRoute })).begin(
        routes,
      );
    } catch (error) {
      if (error instanceof NetlinkError || error instanceof DecodeError) return UNREAD;
      throw error;
    }
  }
}

/** What refuses packets of entries that are being reset stands in the way of no flow that begins. */
function withoutOwn({ chains, sets }: Ruleset): Ruleset {
  return { chains: chains.filter(({ table }) => table !== RESET_TABLE), sets };
}

function textOf(data: Ruleset | Surroundings): string {
  return serialize(data).toString('latin1');
}

const UNREAD = new AskedRules(undefined);

/** Why nothing is known of the gateway's rules; undefined where they can be read. */
export function whyNoRules(): string | undefined {
  if (hasLegacyRules())
    return 'iptables-legacy has rules beside those of nf_tables, which nobody can list together: move them to iptables-nft or nft.';
  try {
    readGeneration();
    return undefined;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return error.code === 'EPERM'
      ? 'The agent may not read the rules: give it CAP_NET_ADMIN.'
      : `The kernel does not tell its rules: ${error.message}.`;
  }
}

/** Rules of the old iptables are not in nf_tables, so that where there are some those are only a part. */
function hasLegacyRules(): boolean {
  return ['/proc/thread-self/net/ip_tables_names', '/proc/thread-self/net/ip6_tables_names'].some((file) => {
    try {
      return readFileSync(file, 'utf8').trim() !== '';
    } catch {
      return false;
    }
  });
}
