import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GatewayRules } from '../../agent/firewall/rules/gateway-rules.ts';
import { readKernelRuleset } from '../../agent/firewall/rules/kernel-ruleset.ts';
import { lookUpRoute } from '../../agent/firewall/rules/look-up-route.ts';
import { readSurroundings } from '../../agent/firewall/rules/kernel-surroundings.ts';
import { hasProgram } from '../../tools/system.ts';
import { Namespace } from '../support/namespace.ts';
import { tryPacket, type Check } from '../support/rules/compare.ts';
import { load, readCorpus, recordCorpus } from '../support/rules/corpus.ts';
import { RuleStage } from '../support/rules/stage.ts';

const why = Namespace.why();
const folder = new URL('rulesets/', import.meta.url).pathname;
const corpora = readdirSync(folder)
  .filter((name) => name.endsWith('.rules'))
  .sort()
  .map((name) => readCorpus(`${folder}${name}`));
const MAX_UNKNOWN_SHARE = 0.1;
/** Set this to write the observations into the files. */
const isRecording = process.env.CTFLEET_RECORD_RULESETS === '1';

/**
 * Each file holds the rules of one kind of gateway, packets, and what happened to them when they were sent. Here each packet is sent again,
 * with its reply and a follow-up, and at each hook the agent's reading of the rules is asked what they would do with it.
 */
describe.skipIf(why !== undefined)(`rulesets of common systems${why ? ` (skipped: ${why})` : ''}`, () => {
  let stage: RuleStage;
  const all: Check[] = [];
  beforeAll(() => {
    stage = new RuleStage('ctw-rules');
  });
  afterAll(() => {
    stage?.remove();
    const unknown = all.filter(({ answer }) => !answer.isKnown);
    console.log(
      `${all.length} queries about ${corpora.length} rulesets, ${unknown.length} not known (${((100 * unknown.length) / all.length).toFixed(1)} %)`,
    );
    for (const { about, answer } of unknown.slice(0, process.env.CTFLEET_SHOW_UNKNOWN ? 1000 : 0))
      console.log(`  ${about}: ${answer.isKnown ? '' : answer.why}`);
  });

  for (const corpus of corpora) {
    const missing = corpus.sections
      .map(({ loader }) => ({ iptables: 'iptables-nft-restore', ip6tables: 'ip6tables-nft-restore', ipset: 'ipset' })[loader])
      .find((program) => program !== undefined && !hasProgram(program));
    test.skipIf(missing !== undefined)(
      `${corpus.title}: every packet goes where our reading of the rules sends it${missing ? ` (skipped: ${missing} is missing)` : ''}`,
      () => {
        stage.reset();
        load(stage, corpus);
        const rules = stage.within(
          () =>
            new GatewayRules(readKernelRuleset(), {
              ...readSurroundings(),
              waysOut: (query) => stage.within(() => lookUpRoute(query)),
            }),
        );
        const outcomes: string[] = [];
        const wrong: string[] = [];
        for (const sample of corpus.samples) {
          const { outcome, checks } = tryPacket(stage, rules, sample);
          outcomes.push(outcome.text);
          all.push(...checks);
          wrong.push(
            ...checks
              .filter(({ answer, isRight }) => answer.isKnown && !isRight)
              .map(({ about, answer, seen }) => `${about}: ${JSON.stringify(answer)}, but saw ${seen}`),
          );
        }
        if (isRecording) recordCorpus(corpus, outcomes);
        expect(wrong).toEqual([]);
        if (!isRecording) expect(outcomes).toEqual(corpus.samples.map(({ answer }) => answer));
      },
    );
  }

  test('few answers are unknown', () => {
    expect(all.length).toBeGreaterThan(0);
    expect(all.filter(({ answer }) => !answer.isKnown).length / all.length).toBeLessThan(MAX_UNKNOWN_SHARE);
  });
});
