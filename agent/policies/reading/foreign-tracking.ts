import { OBJECT } from '../../firewall/rules/nf-tables.ts';
import { decodeXtConnlimit, decodeXtCt } from '../../firewall/rules/xt-facts.ts';
import { isKnownXtTarget } from '../../firewall/rules/xt-targets.ts';
import type { BaseChain, Chain, Expression, Rule, Ruleset } from '../../firewall/rules/ruleset.ts';
import { familyText, ruleWords } from '../../firewall/rules/text.ts';
import type { ForeignRule, ForeignTracking, RulePlace, UndecodedRule } from '../../../proto/model/policy/foreign-tracking.ts';
import { basesOfChains, hookOf, isAfterConntrack } from './chain-hooks.ts';
import { sayingsOf } from './sayings.ts';

/** Rules that are told of at most; a gateway of a hundred customers with their zones stays below. */
export const MAX_RULES = 300;
const MAX_UNDECODED = 100;
/** Of both lists together as JSON, which is about their size on the link: a message there has 256 KiB at most. */
const MAX_BYTES = 160_000;
/** Hooks of one rule; chains that more base chains share are said to be met by these. */
const MAX_HOOKS = 8;
const MAX_COMMENT = 128;

/** Expressions that say nothing about tracking, though it is not known here whether they match. */
const NOT_ABOUT_TRACKING = new Set(['limit', 'quota', 'connlimit', 'rt', 'a header option', 'socket']);
/** NFT_OBJECT_CONNLIMIT: nft has no word for it. */
const CONNLIMIT_OBJECT = 5;
/** The same of targets of iptables. */
const NOT_ABOUT_TRACKING_XT = new Set(['TPROXY', 'NFQUEUE', 'RETURN', 'ACCEPT', 'DROP']);

/** What rules outside of our own tables say about tracking, in the order in which the kernel lists them. */
export function foreignTracking(ruleset: Ruleset, isOurs: (chain: Chain) => boolean): ForeignTracking {
  const found: ForeignTracking = { rules: [], undecoded: [], unread: [], left: 0 };
  const room = new Room();
  const bases = basesOfChains(ruleset);
  for (const chain of ruleset.chains) {
    if (isOurs(chain)) continue;
    const met = (bases.get(chain) ?? []).filter((base): base is Chain & { base: BaseChain } => base.base !== undefined);
    const surroundings = {
      sets: ruleset.sets,
      objects: ruleset.objects ?? [],
      isAfterConntrack: met.length > 0 && met.every(isAfterConntrack),
    };
    chain.rules.forEach((rule, index) => {
      const place = (): RulePlace => placeOf(chain, rule, index, met);
      const says = sayingsOf(chain, rule, surroundings);
      if (says.length > 0) {
        const foreign: ForeignRule = { place: place(), says, text: ruleWords(rule) };
        if (rule.comment !== undefined) foreign.comment = rule.comment.slice(0, MAX_COMMENT);
        if (!room.add(found.rules, foreign, MAX_RULES)) found.left++;
      }
      const parts = undecodedParts(rule);
      if (parts.length > 0) {
        const undecoded: UndecodedRule = { place: place(), parts, text: ruleWords(rule) };
        if (!room.add(found.undecoded, undecoded, MAX_UNDECODED)) found.left++;
      }
    });
  }
  return found;
}

function placeOf(
  { family, table, name }: Chain,
  { handle }: Rule,
  index: number,
  met: readonly (Chain & { base: BaseChain })[],
): RulePlace {
  return { family: familyText(family), table, chain: name, hooks: met.slice(0, MAX_HOOKS).map(hookOf), position: index + 1, handle };
}

function undecodedParts({ expressions }: Rule): string[] {
  return [...new Set(expressions.flatMap((expression) => undecodedPart(expression) ?? []))];
}

function undecodedPart(expression: Expression): string | undefined {
  switch (expression.kind) {
    case 'chance':
      return NOT_ABOUT_TRACKING.has(expression.name) ? undefined : expression.name;
    case 'match':
      return expression.name === 'connlimit' && !decodeXtConnlimit(expression) ? 'match connlimit' : undefined;
    case 'target':
      if (expression.name === 'CT') return decodeXtCt(expression) ? undefined : 'target CT';
      return isKnownXtTarget(expression.name) || NOT_ABOUT_TRACKING_XT.has(expression.name) ? undefined : `target ${expression.name}`;
    case 'object':
      if (expression.object === CONNLIMIT_OBJECT) return 'an object that counts connections';
      return expression.object === OBJECT.UNKNOWN ? `a map of objects, @${expression.map}` : undefined;
    default:
      return undefined;
  }
}

/** Counts what has been listed, so that an answer stays within its size whatever the rules are. */
class Room {
  #bytes = 0;

  /** False if there is none left. */
  add<T>(list: T[], item: T, max: number): boolean {
    const bytes = Buffer.byteLength(JSON.stringify(item));
    if (list.length >= max || this.#bytes + bytes > MAX_BYTES) return false;
    this.#bytes += bytes;
    list.push(item);
    return true;
  }
}
