import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { X509Certificate } from 'node:crypto';
import { pino } from 'pino';
import { EXIT, noMore, takeFlag, takeValue, UsageError, type Answer } from './command-line.ts';
import type { AgentConfig } from './config.ts';
import { KernelTable } from './conntrack/kernel/kernel-table.ts';
import { readSysctl } from './conntrack/proc/proc-files.ts';
import { Disk } from './disk/disk.ts';
import { doctorAnswer } from './doctor-command.ts';
import { identityOf } from './enrolment.ts';
import { flowsCommand } from './flows-command.ts';
import { guardCommand } from './guard-command.ts';
import { lastCommands } from './last-commands.ts';
import { loadIdentity, type Identity } from './link/identity.ts';
import { DEFAULT_GUARD_FILE, GuardFile } from './operations/guard-file.ts';
import { statusAnswer } from './status-command.ts';
import { systemClock } from './time/clock.ts';
import { readToldState, type ToldState } from './told-state.ts';
import { AGENT_VERSION } from './version.ts';

const MAX_REACH_MS = 3_000;
/** Of the state folder: what makes this machine a gateway of its controller. Journal and policy stay. */
const IDENTITY_FILES = ['identity.json', 'enrolment-key.json', 'renewal.json', 'state.json'];

/** Commands of the person on the gateway, beside `run` and `policy`. */
export const OWNER_COMMANDS = ['enrol', 'status', 'doctor', 'flows', 'guard', 'leave', 'version'] as const;
export type OwnerCommand = (typeof OWNER_COMMANDS)[number];

/** Does one of them. Throws FleetError for what is refused, UsageError for arguments that are not understood. */
export async function ownerCommand(command: OwnerCommand, words: string[], config: AgentConfig, signal: AbortSignal): Promise<Answer> {
  switch (command) {
    case 'version':
      noMore(words);
      return { lines: [`ctfleet-agent ${AGENT_VERSION}`], json: { version: AGENT_VERSION, node: process.versions.node }, code: EXIT.done };
    case 'guard':
      return guardCommand(words, config.guardFile ?? DEFAULT_GUARD_FILE);
    case 'flows':
      return withTable((table) => flowsCommand(words, table));
    case 'status':
      noMore(words);
      return withTable((table) => status(config, table));
    case 'doctor':
      noMore(words);
      return withTable((table) => doctor(config, table));
    case 'enrol':
      return enrolCommand(config, words, signal);
    case 'leave':
      return leaveCommand(config, words);
  }
}

async function withTable(work: (table: KernelTable) => Promise<Answer>): Promise<Answer> {
  const table = new KernelTable();
  try {
    return await work(table);
  } finally {
    await table.close();
  }
}

async function status({ stateDir, guardFile }: AgentConfig, table: KernelTable): Promise<Answer> {
  const told = readToldState(stateDir);
  return statusAnswer({
    nowMs: Date.now(),
    identity: loadIdentity(stateDir),
    told,
    isRunning: isRunning(told),
    guard: new GuardFile(guardFile ?? DEFAULT_GUARD_FILE, guardFile !== undefined).rules(),
    ...(await table.capabilities()),
    commands: lastCommands(stateDir),
  });
}

async function doctor({ stateDir, linkAddress, enrolAddress }: AgentConfig, table: KernelTable): Promise<Answer> {
  const identity: Identity | undefined = loadIdentity(stateDir);
  const { cannot } = await table.capabilities();
  const link = linkAddress ?? identity?.linkAddress;
  return doctorAnswer({
    nowMs: Date.now(),
    capabilities: /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '',
    sysctls: Object.fromEntries(
      ['nf_conntrack_count', 'nf_conntrack_acct', 'nf_conntrack_timestamp'].map((name) => [name, readSysctl(name)]),
    ),
    listProblem: cannot.list,
    hasNft: (process.env.PATH ?? '')
      .split(path.delimiter)
      .concat('/usr/sbin', '/sbin')
      .some((folder) => isThere(path.join(folder, 'nft'))),
    certificateFromMs: identity && new X509Certificate(identity.certificate).validFromDate.getTime(),
    reached: await Promise.all([
      ...(link === undefined ? [] : [reach('link', link)]),
      ...(enrolAddress === undefined || identity ? [] : [reach('enrolment', enrolAddress)]),
    ]),
  });
}

async function reach(what: string, address: string): Promise<{ what: string; address: string; problem?: string; isName?: boolean }> {
  const [, host = '', port = ''] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(address) ?? [];
  try {
    if (isIP(host) === 0) await lookup(host);
  } catch (error) {
    return { what, address, problem: `its name has no address (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, isName: true };
  }
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: MAX_REACH_MS });
    const end = (problem?: string): void => {
      socket.destroy();
      resolve({ what, address, problem });
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end(`no answer within ${MAX_REACH_MS / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => end(`it cannot be reached (${error.code ?? error.message})`));
  });
}

async function enrolCommand(config: AgentConfig, words: string[], signal: AbortSignal): Promise<Answer> {
  const enrolAddress = takeValue(words, '--controller') ?? config.enrolAddress;
  const site = takeValue(words, '--site') ?? config.site;
  const [given, ...rest] = words;
  noMore(rest);
  if (given === undefined) throw new UsageError('The join token is missing; the console makes one');
  if (enrolAddress === undefined || !/^.+:\d{1,5}$/.test(enrolAddress))
    throw new UsageError('The controller is missing: --controller HOST:PORT, as the console shows it');
  const joinToken = given === '-' ? readFileSync(0, 'utf8').trim() : given;
  becomeOwnerOf(config.stateDir);
  const log = pino({ level: 'warn', base: undefined }, pino.destination(2));
  const options = { ...config, joinToken, joinTokenFile: undefined, enrolAddress, site };
  const identity = await identityOf({ ...options, hostname: os.hostname(), clock: systemClock, random: Math.random, log, signal });
  const { gatewayId, gatewayName, linkAddress } = identity;
  return {
    lines: [`This is gateway ${gatewayName} (${gatewayId}) now. Its agent is started by: systemctl restart ctfleet-agent`],
    json: { gatewayId, gatewayName, linkAddress },
    code: EXIT.done,
  };
}

function leaveCommand({ stateDir }: AgentConfig, words: string[]): Answer {
  const isSure = takeFlag(words, '--yes');
  noMore(words);
  const identity = loadIdentity(stateDir);
  if (!identity) return { lines: ['This gateway is not enrolled.'], json: { left: null }, code: EXIT.notEnrolled };
  if (isRunning(readToldState(stateDir)))
    return failed('The agent runs. Stop it first, so that what it does comes to an end: systemctl stop ctfleet-agent');
  if (!isSure) throw new UsageError(`It forgets gateway ${identity.gatewayName} and its key for good; say --yes to it`);
  for (const name of IDENTITY_FILES) new Disk().files.rmSync(path.join(stateDir, name), { force: true });
  return {
    lines: [`Gateway ${identity.gatewayName} is forgotten here. Retire it in the console too, which revokes its certificate.`],
    json: { left: { gatewayId: identity.gatewayId, gatewayName: identity.gatewayName } },
    code: EXIT.done,
  };
}

function failed(why: string): Answer {
  return { lines: [why], json: { error: why }, code: EXIT.failed };
}

/** What root writes here the service's own user must be able to read. Nothing happens where the folder is not there yet. */
function becomeOwnerOf(stateDir: string): void {
  const owner = statSync(stateDir, { throwIfNoEntry: false });
  if (!owner || process.getuid?.() !== 0 || owner.uid === 0) return;
  process.setgroups!([owner.gid]);
  process.setgid!(owner.gid);
  process.setuid!(owner.uid);
}

/** Its process is there, and is an agent: a number may belong to another program by now. */
function isRunning(told: ToldState | undefined): boolean {
  if (!told) return false;
  try {
    return /main\.[jt]s\0run\0$/.test(readFileSync(`/proc/${told.pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}

function isThere(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
