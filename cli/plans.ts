import { routes } from '../proto/http/routes.ts';
import type { Command } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { CONFIRM, GENERAL, OUTPUT } from './options.ts';
import { toJson } from './output/render.ts';
import { toYaml } from './output/yaml.ts';
import { planLines } from './plan-shown.ts';
import { checkConsent, confirmAndRun } from './run-plan.ts';
import { isForReading, styleOf } from './style.ts';

const PLAN_ARG = [{ name: 'PLAN', words: 'its id' }];

const show: Command = {
  words: ['plans', 'show'],
  summary: 'What a plan would end, and what that would break',
  args: PLAN_ARG,
  groups: [OUTPUT, GENERAL],
  async run({ io, given, args, client }) {
    const plan = await client().call(routes.getPlan, { params: { id: args[0]! } });
    const style = styleOf(given, io);
    if (style.format === 'yaml') io.write(toYaml(plan));
    else io.write(isForReading(style) ? `${planLines(plan, io.now()).join('\n')}\n` : toJson(plan));
    return EXIT.done;
  },
};

const runOne: Command = {
  words: ['plans', 'run'],
  summary: 'Runs a plan that was made before, such as one that a second person has approved since',
  args: PLAN_ARG,
  groups: [
    { title: 'How', options: [{ name: 'no-waves', words: 'all gateways at once, except partners of one another' }] },
    CONFIRM,
    OUTPUT,
    GENERAL,
  ],
  async run(call) {
    checkConsent(call.given, call.io);
    const client = call.client();
    return confirmAndRun(call, client, await client.call(routes.getPlan, { params: { id: call.args[0]! } }));
  },
};

export const PLANS: readonly Command[] = [show, runOne];
