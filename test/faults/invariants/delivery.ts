import type { CommandRecord, Deed, TargetRecord } from '../history.ts';
import { wasCloned, wasDisturbed, wasForgotten, type Breach, type Evidence } from './evidence.ts';

const UNFINISHED = new Set(['waiting', 'offline', 'running', 'verifying']);
/** Ends that need a reason outside the product: the gateway, or the path to it, was down. */
const UNLUCKY = new Set(['expired', 'failed', 'indeterminate']);
/** Between an agent's look at the clock and its first delete there are a plan on disk and a journal record. */
const BEGIN_MS = 1000;

/** A table's own lines date what its journal says: they are as far apart as two samples, and a busy machine is late. */
const DATED_WITHIN_MS = 10_000;

/** I1: what was accepted exists, is carried to an end, and is reported as the gateway reported it. */
export function* nothingIsLost(evidence: Evidence): Generator<Breach> {
  const { history, flushes, commands } = evidence;
  const commandOf = new Map(history.commands.map((command) => [`${command.flushId} ${command.gatewayId}`, command]));
  for (const ask of history.asks) {
    if (ask.answer === 'accepted' && !flushes.has(ask.flushId!) && !wasForgotten(evidence, ask.atMs))
      yield { subject: ask.flushId!, what: 'a flush was accepted and does not exist', tally: 'lost' };
  }
  for (const flush of history.flushes) {
    for (const target of flush.targets) yield* whatBecameOf(evidence, flush.id, target, commandOf.get(`${flush.id} ${target.gatewayId}`));
  }
  for (const deeds of evidence.deeds.values()) yield* whatWasSaid(deeds, commands);
  yield* whatWasForgotten(evidence, commandOf);
}

/** A receipt means that the result is stored: the gateway keeps it no longer, so nobody else could tell what became of each flow. */
function* whatWasForgotten(evidence: Evidence, commandOf: ReadonlyMap<string, CommandRecord>): Generator<Breach> {
  const { history } = evidence;
  const known = new Set(history.deeds.flatMap((deed) => (deed.kind === 'finished' && deed.isKnown ? [deed.commandId] : [])));
  const acknowledged = new Map(history.deeds.flatMap((deed) => (deed.kind === 'acknowledged' ? [[deed.commandId, deed.atMs]] : [])));
  for (const { id: flushId, targets } of history.flushes) {
    for (const { gatewayId, state } of targets) {
      const command = commandOf.get(`${flushId} ${gatewayId}`);
      const atMs = command && acknowledged.get(command.id);
      if (!command || atMs === undefined || state !== 'indeterminate' || !known.has(command.id)) continue;
      const wasTakenBack = history.restores.some(({ fromMs, toMs }) => command.createdAtMs <= toMs && atMs + DATED_WITHIN_MS >= fromMs);
      if (wasTakenBack || wasCloned(evidence, gatewayId, command.createdAtMs, atMs + DATED_WITHIN_MS)) continue;
      yield { subject: command.id, what: 'its result was acknowledged, and its target is indeterminate', tally: 'lost' };
    }
  }
}

function* whatBecameOf(
  evidence: Evidence,
  flushId: string,
  { gatewayId, state, reason }: TargetRecord,
  command: CommandRecord | undefined,
): Generator<Breach> {
  const subject = command?.id ?? `${flushId} ${gatewayId}`;
  if (UNFINISHED.has(state)) yield { subject, what: `its target is still ${state}`, tally: 'unfinished' };
  else if (!command && state !== 'cancelled' && state !== 'skipped')
    yield { subject, what: `its target is ${state} and never had a command`, tally: 'lost' };
  else if (command && UNLUCKY.has(state) && !wasDisturbed(evidence, command.createdAtMs, command.notAfterMs)) {
    yield { subject, what: `its target is ${state} although nothing was in the way: ${reason ?? 'no reason'}`, tally: 'lost' };
  }
}

/** A receipt comes after its record; every unacknowledged result is repeated on each new session. */
function* whatWasSaid(deeds: readonly Deed[], commands: Evidence['commands']): Generator<Breach> {
  const received = new Set<string>();
  const unacknowledged = new Set<string>();
  let owed: Set<string> | undefined;
  for (const deed of deeds) {
    switch (deed.kind) {
      case 'received':
        received.add(deed.commandId);
        break;
      case 'receipt':
        if (!received.has(deed.commandId) && commands.has(deed.commandId))
          yield { subject: deed.commandId, what: 'the gateway acknowledged it, and its journal does not have it', tally: 'lost' };
        break;
      case 'finished':
        unacknowledged.add(deed.commandId);
        break;
      case 'acknowledged':
        unacknowledged.delete(deed.commandId);
        break;
      case 'session':
        owed = new Set(unacknowledged);
        break;
      case 'said':
        owed?.delete(deed.commandId);
        if (deed.refusedAs === 'COMMAND_LATE' && deed.atMs + BEGIN_MS < (commands.get(deed.commandId)?.notAfterMs ?? 0)) {
          yield { subject: deed.commandId, what: 'the gateway called it late, and it was not', tally: 'lost' };
        }
        break;
      default:
    }
  }
  for (const subject of owed ?? []) yield { subject, what: 'its result was never repeated on a new session', tally: 'lost' };
}

/** I2: a command is started once, its journal says so before the table changes, and no flow is ended or restored twice for it. */
export function* nothingIsDoneTwice(evidence: Evidence): Generator<Breach> {
  const { history, attempts, commands } = evidence;
  const starts = new Set<string>();
  for (const deed of history.deeds) {
    if (deed.kind !== 'started') continue;
    if (starts.has(deed.commandId)) yield { subject: deed.commandId, what: 'it was started a second time', tally: 'doubled' };
    starts.add(deed.commandId);
  }
  const done = new Set<string>();
  for (const { gatewayId, kind, flows, commandId, remediationId } of attempts) {
    if (remediationId !== undefined) continue;
    if (commandId === undefined) {
      yield {
        subject: gatewayId,
        what: `its table was changed (${kind}) while no command was under way in its journal: after a crash nobody would know`,
        tally: 'doubled',
      };
      continue;
    }
    const owner = commands.get(commandId)?.undoOf ?? commandId;
    for (const flow of flows) {
      const key = `${kind} ${owner} ${flow}`;
      if (done.has(key)) yield { subject: commandId, what: `${flow} was changed twice (${kind})`, tally: 'doubled' };
      done.add(key);
    }
  }
}

/** I3: a gateway starts its commands in the order of their numbers, and refuses none because the controller put them out of order. */
export function* orderIsKept({ history, deeds, commands }: Evidence): Generator<Breach> {
  for (const own of deeds.values()) {
    let last = -1n;
    for (const deed of own) {
      const command = deed.kind === 'started' ? commands.get(deed.commandId) : undefined;
      if (!command) continue;
      if (command.seq < last) yield { subject: command.id, what: `number ${command.seq} was started after ${last}`, tally: 'disordered' };
      if (command.seq > last) last = command.seq;
    }
  }
  for (const own of deeds.values()) yield* honestAndRefused(own, commands);
  for (const flush of history.flushes) {
    for (const { gatewayId, reason } of flush.targets)
      if (/^Command \d+ came after/.test(reason ?? '')) yield { subject: `${flush.id} ${gatewayId}`, what: reason!, tally: 'disordered' };
  }
}

/** What a dishonest controller once claimed does not count: a number above all that the controller gave before is accepted. */
function* honestAndRefused(deeds: readonly Deed[], commands: Evidence['commands']): Generator<Breach> {
  let highest = 0n;
  const before = new Map<string, bigint>();
  for (const deed of deeds) {
    const command = 'commandId' in deed ? commands.get(deed.commandId) : undefined;
    if (!command) continue;
    if (deed.kind === 'received') {
      before.set(command.id, highest);
      if (command.seq > highest) highest = command.seq;
    }
    const given = before.get(command.id) ?? highest;
    if (deed.kind === 'said' && deed.refusedAs === 'COMMAND_OUT_OF_ORDER' && command.seq > given) {
      yield {
        subject: command.id,
        what: `number ${command.seq} was refused as out of order, and none above ${given} was given before`,
        tally: 'disordered',
      };
    }
  }
}

/** I4: nothing begins after its deadline. What a crash interrupted resumes, however late. */
export function* nothingIsLate({ history, attemptsOf }: Evidence): Generator<Breach> {
  for (const command of history.commands) {
    const first = attemptsOf.get(command.id)?.[0];
    if (first && first.atMs > command.notAfterMs + BEGIN_MS)
      yield { subject: command.id, what: `it began ${first.atMs - command.notAfterMs} ms after its deadline`, tally: 'late' };
  }
}

/** I10: the holder of a superseded session has no further effect, and if two keep taking it from each other somebody is told. */
export function* olderSessionsAreDead({ deeds, history }: Evidence): Generator<Breach> {
  for (const { gatewayId, wasSeen } of history.clones)
    if (!wasSeen) yield { subject: gatewayId, what: 'two agents held its identity, and it was not set aside' };
  for (const own of deeds.values()) {
    let newest = 0n;
    const stale = new Map<string, bigint>();
    for (const deed of own) {
      if (deed.kind === 'received') {
        if (deed.epoch < newest) stale.set(deed.commandId, deed.epoch);
        else newest = deed.epoch;
      } else if (deed.kind === 'started' && stale.has(deed.commandId)) {
        yield { subject: deed.commandId, what: `it was started for session ${stale.get(deed.commandId)} although ${newest} is open` };
      }
    }
  }
}

/** I8: what nobody confirmed is undone by its deadline. */
export function* unconfirmedIsUndone({ history }: Evidence): Generator<Breach> {
  for (const { id, deadlineMs, confirmedAtMs = Infinity, undoneAtMs = Infinity } of history.changes) {
    if (confirmedAtMs > deadlineMs && undoneAtMs > deadlineMs)
      yield { subject: id, what: 'nobody confirmed it, and it was still there after its deadline' };
  }
}
