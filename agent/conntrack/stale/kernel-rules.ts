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

/** Set elements with a timeout expire without a change of the rules. */
const MAX_AGE_MS = 60_000;

/**
 * The gateway's current rules at each query: read again only if the kernel reports a change. Answers are kept while whatever decides about
 * routes and translation is unchanged, so a firewall that rewrites a set of blocked addresses each second costs only the reading. Blocks
 * its thread for milliseconds.
 */
export class KernelRules {
  #part: { rules: Ruleset; text: string } | undefined;
  #text = '';
  #generation: number | undefined;
  #readAtMs = -Infinity;
  #asked = UNREAD;

  /** If they cannot be read, or iptables-legacy has rules as well, nothing about them is known. */
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
      // If the rules changed while they were read, the next query reads them again.
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

  /** All rules, filters included, read for one query: for what a plan reports about its flows. */
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

/** Our own rules refuse packets of entries being reset, and affect no new flow. */
function withoutOwn({ chains, sets }: Ruleset): Ruleset {
  return { chains: chains.filter(({ table }) => table !== RESET_TABLE), sets };
}

function textOf(data: Ruleset | Surroundings): string {
  return serialize(data).toString('latin1');
}

const UNREAD = new AskedRules(undefined);

/** Why nothing is known about the gateway's rules; undefined if they can be read. */
export function whyNoRules(): string | undefined {
  if (hasLegacyRules())
    return 'iptables-legacy has rules beside those of nf_tables, and they cannot be listed together: move them to iptables-nft or nft.';
  try {
    readGeneration();
    return undefined;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return error.code === 'EPERM'
      ? 'The agent may not read the rules: give it CAP_NET_ADMIN.'
      : `The rules cannot be listed: ${error.message}.`;
  }
}

/** Rules of the old iptables are not in nf_tables, which then has only some of the rules. */
function hasLegacyRules(): boolean {
  return ['/proc/thread-self/net/ip_tables_names', '/proc/thread-self/net/ip6_tables_names'].some((file) => {
    try {
      return readFileSync(file, 'utf8').trim() !== '';
    } catch {
      return false;
    }
  });
}
