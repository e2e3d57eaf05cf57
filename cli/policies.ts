import { readFileSync } from 'node:fs';
import type { Client } from '../client/client.ts';
import { count } from '../client/words/format.ts';
import { changedGateways, effectsOf, effectWords, needsCount } from '../client/words/policy-effect-words.ts';
import { rollOutWords } from '../client/words/policy-rollout-words.ts';
import { plannedWords, planSentence, targetWords } from '../client/words/policy-words.ts';
import type { PolicyPlan } from '../proto/http/policy-plans.ts';
import { routes } from '../proto/http/routes.ts';
import type { PolicyTarget } from '../proto/http/saved-policies.ts';
import { toPrintable } from '../proto/model/text.ts';
import { has, valueOf, type Call, type Command, type OptionGroup } from './command.ts';
import { confirmNumber, type Stake } from './confirm.ts';
import { Ended, EXIT, UsageError } from './exit-codes.ts';
import { followRollout } from './follow-rollout.ts';
import { listing, placeOf, placeOptions } from './listing.ts';
import { CONFIRM, GENERAL, OUTPUT, SCOPE } from './options.ts';
import { render, renderOne } from './output/render.ts';
import { checkConsent } from './run-plan.ts';
import { everyItem, oneGateway, pick, scopeOf } from './scope.ts';
import { isForReading, styleOf } from './style.ts';

const POLICY_ARG = { name: 'POLICY', words: 'its name or id' };
const MAX_FILE_BYTES = 1_000_000;

const FILE: OptionGroup = {
  title: 'A document instead of a saved policy',
  options: [
    { name: 'file', short: 'f', value: 'FILE', words: 'the document, YAML or JSON; saved under its own name when it is applied' },
    { name: 'target', value: 'TARGET', words: 'for a new one: fleet, tenant, tag:TAG, site:SITE or gateway:GATEWAY' },
    { name: 'owner', value: 'TENANT', words: 'the tenant whose policy it is; without it, of the installation' },
  ],
};

/** What is to be planned: a saved policy, or a document and the policy that it would change, if there is one. */
interface Subject {
  id?: string;
  revision?: number;
  document?: string;
  tenantId?: string;
  target?: PolicyTarget;
}

const list = listing(routes.listPolicies, {
  words: ['policies', 'list'],
  summary: 'Tracking policies',
  groups: [placeOptions('tenant')],
  columns: [
    { name: 'name', of: ({ name }) => name },
    { name: 'for', of: targetWords },
    { name: 'tenant', of: ({ tenantName }) => tenantName },
    { name: 'revision', of: ({ revision }) => revision, isRight: true },
    { name: 'gateways', of: ({ gateways }) => gateways, isRight: true },
    { name: 'changed', of: ({ changedAt, changedBy }) => `${changedAt} by ${changedBy}` },
    { name: 'id', of: ({ id }) => id, isWide: true },
  ],
  nameOf: ({ name }) => name,
  query: placeOf,
});

const show: Command = {
  words: ['policies', 'show'],
  summary: 'One policy with its document',
  args: [POLICY_ARG],
  groups: [OUTPUT, GENERAL],
  async run({ io, given, args, client }) {
    const api = client();
    const policy = await api.call(routes.getPolicy, { params: { id: await policyNamed(api, args[0]!) } });
    const style = styleOf(given, io);
    if (isForReading(style)) io.write(toPrintable(policy.document, { hasLines: true }));
    else io.write(renderOne([['name', policy.name]], style, policy));
    return EXIT.done;
  },
};

const plan: Command = {
  words: ['policies', 'plan'],
  summary: 'What a policy would change on each gateway; nothing is saved or applied',
  args: [{ ...POLICY_ARG, isOptional: true }],
  groups: [FILE, SCOPE, OUTPUT, GENERAL],
  examples: ['ctfleet policies plan base --site milano', 'ctfleet policies plan -f base.yaml --target fleet'],
  async run(call) {
    const api = call.client();
    const planned = await planOf(api, await subjectOf(call, api), call);
    showPlan(call, planned, (text) => call.io.write(text));
    return planned.gateways.length === 0
      ? EXIT.nothingMatched
      : planned.gateways.every(({ difference }) => difference)
        ? EXIT.done
        : EXIT.partial;
  },
};

const apply: Command = {
  words: ['policies', 'apply'],
  summary: 'Rolls a policy out, once what it changes was shown and confirmed',
  details: 'A gateway that is not heard afterwards puts back what it had. --expect is the number of gateways that change.',
  args: [{ ...POLICY_ARG, isOptional: true }],
  groups: [FILE, SCOPE, CONFIRM, GENERAL],
  examples: [
    'ctfleet policies apply base --reason "longer calls"',
    'ctfleet policies apply -f base.yaml --yes --expect 12 --reason release',
  ],
  async run(call) {
    const { io, given } = call;
    checkConsent(given, io);
    const reason = valueOf(given, 'reason');
    if (reason === undefined) throw new UsageError('--reason is missing: why the policy is rolled out');
    const api = call.client();
    const subject = await subjectOf(call, api);
    const shown = await planOf(api, subject, call);
    showPlan(call, shown, (text) => io.say(text.trimEnd()));
    const changed = changedGateways(shown).length;
    if (changed === 0) throw new Ended(EXIT.nothingMatched, 'no gateway would change; nothing was applied or saved');
    const stake: Stake = { number: changed, noun: 'gateways', question: rollOutWords(changed), isTyped: needsCount(shown) };
    await confirmNumber(io, given, stake);
    const id = await saved(api, subject);
    const scope = await scopeOf(api, given);
    // The digest is of the plan of what is saved; it must come to what was shown.
    const { digest, gateways } = await api.call(routes.planPolicy, { params: { id }, body: { scope } });
    if (changesOf(gateways) !== changesOf(shown.gateways))
      throw new Ended(EXIT.drifted, 'what it would change is no longer what was shown; it is saved, and nothing was applied');
    const body = { scope, digest, reason, ticket: valueOf(given, 'ticket') };
    const { rolloutId } = await api.call(routes.applyPolicy, { params: { id }, body });
    return followRollout(io, api, rolloutId);
  },
};

function showPlan({ io, given }: Call, planned: PolicyPlan, write: (text: string) => void): void {
  const style = styleOf(given, io);
  const columns = [
    { name: 'gateway', of: ({ gatewayName }: PolicyPlan['gateways'][number]) => gatewayName },
    { name: 'would be', of: (gateway: PolicyPlan['gateways'][number]) => plannedWords(gateway).text },
    {
      name: 'warnings',
      of: ({ warnings }: PolicyPlan['gateways'][number]) => warnings.map(({ message }) => message).join('; '),
      isWide: true as const,
    },
  ];
  write(render({ columns, rows: planned.gateways, nameOf: ({ gatewayName }) => gatewayName }, style, planned));
  if (!isForReading(style)) return;
  io.say(toPrintable(`${planSentence(planned)}.`));
  for (const { kind, flows, gateways } of effectsOf(planned)) io.say(`${effectWords(kind, flows)} on ${count(gateways)} of them.`);
}

/** What the command line names. Throws UsageError for a document with mistakes, with the place of each. */
async function subjectOf({ given, args }: Call, client: Client): Promise<Subject> {
  const file = valueOf(given, 'file');
  if ((file === undefined) === (args[0] === undefined)) throw new UsageError('Name a saved policy, or a document by --file; not both');
  if (file === undefined) return { id: await policyNamed(client, args[0]!) };
  const document = readFileSync(file, 'utf8');
  if (document.length > MAX_FILE_BYTES) throw new UsageError(`${file} has more than ${MAX_FILE_BYTES} bytes`);
  const owner = valueOf(given, 'owner');
  const tenantId = owner === undefined ? undefined : pick(await everyItem(client, routes.listTenants), [owner], 'tenant')[0];
  const target = has(given, 'target') ? await targetOf(client, valueOf(given, 'target')!) : undefined;
  const { problems, existing, refusal } = await client.call(routes.checkPolicy, { body: { tenantId, document, target } });
  if (problems.length > 0)
    throw new UsageError(problems.map(({ line, column, message, cure }) => `${file}:${line}:${column}: ${message}; ${cure}`).join('\n'));
  if (refusal !== undefined) throw new Ended(EXIT.refused, refusal);
  if (!existing && !target) throw new UsageError('There is no policy of that name yet: --target says what a new one is for');
  return { id: existing?.id, revision: existing?.revision, document, tenantId, target };
}

async function targetOf(client: Client, text: string): Promise<PolicyTarget> {
  const [level, ...rest] = text.split(':');
  const name = rest.join(':');
  if ((level === 'fleet' || level === 'tenant') && name === '') return { level };
  if (level === 'tag' && name !== '') return { level, tag: name };
  if (level === 'site' && name !== '') return { level, siteId: pick(await everyItem(client, routes.listSites), [name], 'site')[0]! };
  if (level === 'gateway' && name !== '') return { level, gatewayId: await oneGateway(client, name) };
  throw new UsageError('--target is fleet, tenant, tag:TAG, site:SITE or gateway:GATEWAY');
}

async function planOf(client: Client, { id, document, target, tenantId }: Subject, { given }: Call): Promise<PolicyPlan> {
  const scope = await scopeOf(client, given);
  if (id !== undefined) return client.call(routes.planPolicy, { params: { id }, body: { scope, document, target } });
  return client.call(routes.planNewPolicy, { body: { scope, tenantId, document: document!, target: target! } });
}

/** Saves a document under its name; returns the policy's id. */
async function saved(client: Client, { id, revision, document, tenantId, target }: Subject): Promise<string> {
  if (document === undefined) return id!;
  if (id === undefined) return (await client.call(routes.createPolicy, { body: { tenantId, target: target!, document } })).id;
  return (await client.call(routes.updatePolicy, { params: { id }, body: { revision: revision!, document, target } })).id;
}

async function policyNamed(client: Client, text: string): Promise<string> {
  return pick(await everyItem(client, routes.listPolicies), [text], 'policy')[0]!;
}

/** What a plan changes, as text to compare. Where a value is from is left out: a policy that is not saved has no id. */
function changesOf(gateways: PolicyPlan['gateways']): string {
  const ofOne = ({ gatewayId, difference }: PolicyPlan['gateways'][number]) => [
    gatewayId,
    difference?.changes.map(({ origin: _origin, ...change }) => change),
  ];
  return JSON.stringify(gateways.map(ofOne).toSorted());
}

export const POLICIES: readonly Command[] = [list, show, plan, apply];
