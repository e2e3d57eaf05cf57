import { readFileSync } from 'node:fs';
import { parseDuration } from '../proto/model/duration.ts';
import { FleetError } from '../proto/model/error-codes.ts';
import type { PolicyDocument } from '../proto/model/policy/document.ts';
import { readPolicy } from '../proto/model/policy/read.ts';
import type { AgentConfig } from './config.ts';
import { KernelTable } from './conntrack/kernel/kernel-table.ts';
import { ownAddresses } from './operations/own-endpoints.ts';
import type { ChangeRecord } from './policies/applying/change-record.ts';
import { tableOf } from './policies/applying/change-set.ts';
import type { GatewayPlan } from './policies/applying/policy-changes.ts';
import { SYSTEMS, whereItBelongs, type SystemName } from './policies/applying/where-it-belongs.ts';
import { plannedEffects } from './policies/effects/plan-effects.ts';
import { policyParts } from './policy-parts.ts';
import { appliedLines, belongingLines, effectLines, planLines, problemLine, standingLines, unmetLines } from './policy-words.ts';
import { bootClock } from './time/boot-clock.ts';

const USAGE = 'policy show [--for systemd|openwrt|vyos] | plan FILE | apply FILE [--within 2m] | confirm | restore';
const DEFAULT_WITHIN = '2m';
/** Long enough to connect again, and short enough to wait for. */
const WITHIN_SECONDS = { from: 10, to: 3600 };
const COUNT_FILE = '/proc/sys/net/netfilter/nf_conntrack_count';

export interface PolicyCommandOptions {
  config: Pick<AgentConfig, 'stateDir' | 'linkAddress' | 'guardFile'>;
  /** How this program was called. */
  program: string;
  /** Words after `policy`. */
  args: readonly string[];
}

/**
 * What an administrator of this gateway does with its policy by hand. Returns lines for people. Throws FleetError for what is refused, and
 * for an unknown command.
 */
export async function policyCommand({ config, program, args }: PolicyCommandOptions): Promise<string[]> {
  const beganAtBootMs = bootClock.bootMs() - process.uptime() * 1000;
  const troubles: string[] = [];
  const { folder, book, changes } = policyParts(config, (message, { err }) => troubles.push(`${message}: ${String(err)}`));
  const [command = '', ...more] = args;
  const lines = await carryOut();
  return [...lines, ...troubles];

  async function carryOut(): Promise<string[]> {
    switch (command) {
      case 'show':
        if (more[0] === '--for') return placesLines(folder.confirmed(), systemIn(more.slice(1)));
        noMore(more);
        return standingLines({
          pending: folder.pending(),
          confirmed: folder.confirmed(),
          outcome: folder.lastOutcome(),
          book: book.load(),
        });
      case 'plan': {
        const [file, ...rest] = more;
        noMore(rest);
        return planned(await changes.plan(documentIn(file)));
      }
      case 'apply': {
        const { file, withinSeconds } = applyArguments(more);
        const { plan, record } = await changes.apply(documentIn(file), withinSeconds * 1000);
        return [...(await planned(plan)), '', ...appliedLines(record, program)];
      }
      case 'confirm': {
        noMore(more);
        const { policy } = await changes.confirm({ openedAtBootMs: beganAtBootMs });
        return [
          `Policy ${policy} is kept: an agent that runs holds this gateway to it, and sets it again after a start.`,
          ...unmetLines(folder.lastOutcome()?.unmet),
        ];
      }
      case 'restore': {
        noMore(more);
        const { policy } = await changes.restore('It was put back by hand.');
        return [`Policy ${policy} is taken back, and the gateway is as it was before.`];
      }
      default:
        throw usage(`There is no command “policy ${command}”`);
    }
  }
}

/** Of flows that would be stopped, named in lines for people. */
const MAX_NAMED = 20;

/** What a plan says, and what it would do to the flows of now. */
async function planned(plan: GatewayPlan): Promise<string[]> {
  const table = new KernelTable();
  try {
    const hands = { table, context: () => ({ wans: [], protections: [] }), own: ownAddresses };
    return [
      ...planLines(plan, entriesNow()),
      ...effectLines(await plannedEffects({ ...plan, wanted: plan.effective.values }, hands, { maxFlows: MAX_NAMED })),
    ];
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return [...planLines(plan, entriesNow()), ...effectLines({ effects: [], stopped: [], unknown: error.message })];
  } finally {
    await table.close();
  }
}

/** Throws NOT_FOUND where no policy is kept. */
function placesLines(confirmed: ChangeRecord | undefined, system: SystemName): string[] {
  if (!confirmed) throw new FleetError('NOT_FOUND', 'No policy is kept here. Apply and confirm one first.');
  const { policy, held, spared } = confirmed;
  return belongingLines(policy, system, whereItBelongs(system, held, tableOf(held, spared)));
}

function systemIn(args: readonly string[]): SystemName {
  const [name, ...rest] = args;
  noMore(rest);
  const system = SYSTEMS.find((one) => one === name);
  if (!system) throw usage(`--for takes ${SYSTEMS.join(', ')}`);
  return system;
}

function applyArguments(args: readonly string[]): { file: string | undefined; withinSeconds: number } {
  const at = args.indexOf('--within');
  const text = at < 0 ? DEFAULT_WITHIN : args[at + 1];
  const [file, ...rest] = args.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  noMore(rest);
  const withinSeconds = parseDuration(text ?? '');
  if (withinSeconds === undefined || withinSeconds < WITHIN_SECONDS.from || withinSeconds > WITHIN_SECONDS.to)
    throw usage(`--within takes a duration from ${WITHIN_SECONDS.from}s to ${WITHIN_SECONDS.to / 60}m, such as 2m`);
  return { file, withinSeconds };
}

/** Throws INVALID_REQUEST with every problem of the document. */
function documentIn(file: string | undefined): PolicyDocument {
  if (file === undefined) throw usage('The file of the policy is missing');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new FleetError('INVALID_REQUEST', `${file} cannot be read: ${(error as Error).message}.`, {}, { cause: error });
  }
  const read = readPolicy(text);
  if ('document' in read) return read.document;
  throw new FleetError('INVALID_REQUEST', read.problems.map((problem) => problemLine(file, problem)).join('\n'));
}

/** Undefined where tracking is not loaded. */
function entriesNow(): number | undefined {
  try {
    return Number(readFileSync(COUNT_FILE, 'latin1'));
  } catch {
    return undefined;
  }
}

function noMore(args: readonly string[]): void {
  if (args.length > 0) throw usage(`“${args[0]}” is too much`);
}

function usage(why: string): FleetError {
  return new FleetError('INVALID_REQUEST', `${why}. Use it as: ${USAGE}.`);
}
