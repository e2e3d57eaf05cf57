import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { GatewayRules } from '../../agent/firewall/rules/gateway-rules.ts';
import { readKernelRuleset } from '../../agent/firewall/rules/kernel-ruleset.ts';
import { readSurroundings } from '../../agent/firewall/rules/kernel-surroundings.ts';
import { lookUpRoute } from '../../agent/firewall/rules/look-up-route.ts';
import { tryPacket } from '../support/rules/compare.ts';
import { load, readCorpus } from '../support/rules/corpus.ts';
import { RuleStage } from '../support/rules/stage.ts';
import { sharing, type CheckGroup, type Seen } from './check.ts';

// Once built, this file lies one folder deeper.
const FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../field/rulesets/' : '../../../test/field/rulesets/', import.meta.url),
);
/**
 * Kinds of rules that differ: concatenations, translation by iptables and by nft, sets and maps, hooks, prefixes, limits, marks, untracked
 * traffic.
 */
const CHOSEN = [
  'concatenations',
  'docker-iptables',
  'firewalld-nft',
  'home-router',
  'ingress',
  'ipv6-prefix',
  'kube-proxy-nftables',
  'limits',
  'mwan3-nftables',
  'openwrt-fw4',
  'strict',
  'ufw',
  'untracked',
  'vyos',
];

export const rulesChecks: CheckGroup = sharing(
  async () => new RuleStage('ctk-rules'),
  async (stage) => stage.remove(),
  Object.fromEntries(CHOSEN.map((name) => [`rules: ${name}`, async (stage: RuleStage) => tryRules(stage, `${FOLDER}${name}.rules`)])),
);

/** A packet takes the path that was predicted for it. */
function tryRules(stage: RuleStage, file: string): Seen {
  stage.reset();
  const corpus = readCorpus(file);
  try {
    load(stage, corpus);
  } catch (error) {
    return {
      isLoaded: false,
      why: String((error as { stderr?: string }).stderr ?? (error as Error).message)
        .split('\n')
        .slice(0, 3)
        .join(' '),
    };
  }
  const rules = stage.within(
    () =>
      new GatewayRules(readKernelRuleset(), { ...readSurroundings(), waysOut: (question) => stage.within(() => lookUpRoute(question)) }),
  );
  const [wrong, unknown, differs]: [string[], string[], string[]] = [[], [], []];
  let questions = 0;
  for (const sample of corpus.samples) {
    const { outcome, checks } = tryPacket(stage, rules, sample);
    questions += checks.length;
    wrong.push(
      ...checks
        .filter(({ answer, isRight }) => answer.isKnown && !isRight)
        .map(({ about, answer, seen }) => `${about}: ${JSON.stringify(answer)}, but saw ${seen}`),
    );
    unknown.push(...checks.flatMap(({ answer }) => (answer.isKnown ? [] : [answer.why])));
    if (outcome.text !== sample.answer) differs.push(`${sample.text}: ${outcome.text} for ${sample.answer}`);
  }
  assert.deepEqual(wrong, []);
  return {
    questions,
    unknown: unknown.length,
    ...(unknown.length > 0 && { why: [...new Set(unknown)] }),
    ...(differs.length > 0 && { otherwiseThan618: differs }),
  };
}
