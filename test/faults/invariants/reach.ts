import type { FlowName, GatewayRow } from '../history.ts';
import { changedBy, wasForgotten, type Attempt, type Breach, type Evidence } from './evidence.ts';

const MINUTE_MS = 60_000;

/** I6: nobody is shown another tenant's data, and nothing of a tenant's is kept with another's. */
export function* tenantsAreApart({ history, gateways }: Evidence): Generator<Breach> {
  for (const { what, allowed, shown } of history.views) {
    for (const tenantId of new Set(shown))
      if (!allowed.has(tenantId)) yield { subject: tenantId, what: `${what} showed it to somebody of another tenant` };
  }
  for (const { id, tenantId, gatewayId } of history.commands) {
    if (gateways.get(gatewayId)?.tenantId !== tenantId)
      yield { subject: id, what: 'the command of one tenant is for a gateway of another' };
  }
  for (const { id, chain, gatewayId } of history.audit) {
    const tenantId = gatewayId === undefined ? undefined : gateways.get(gatewayId)?.tenantId;
    if (tenantId !== undefined && tenantId !== chain) yield { subject: id, what: 'what a gateway did is in the record of another tenant' };
  }
}

/** I7: what is protected stays, whatever anybody asked for. */
export function* protectedFlowsStay({ attempts, gateways }: Evidence): Generator<Breach> {
  for (const { gatewayId, kind, flows } of attempts) {
    const own = gateways.get(gatewayId)?.protectedFlows;
    if (kind !== 'restore')
      for (const flow of flows) if (own?.has(flow)) yield { subject: gatewayId, what: `${flow} is protected and was ended` };
  }
}

/** I11: nothing happens that was not shown, approved and due. */
export function* nothingGoesFurther(evidence: Evidence): Generator<Breach> {
  yield* nobodyAgreed(evidence);
  for (const attempt of evidence.attempts) yield* beyondThePlan(evidence, attempt);
  yield* stoppedAndWent(evidence);
  yield* beforeItsWave(evidence);
  for (const gateway of evidence.gateways.values()) yield* beyondTheLimits(evidence, gateway);
}

/** What the owner allows to be ended in any minute, and what the tenant allows without a second person. */
function* beyondTheLimits(
  { attempts }: Evidence,
  { id, maxDeletesAMinute = Infinity, maxFlowsAlone = Infinity }: GatewayRow,
): Generator<Breach> {
  const ended = attempts.filter(({ gatewayId, kind }) => gatewayId === id && kind !== 'restore');
  for (const { atMs, flows, remediationId } of ended) {
    const ofMinute = ended.reduce((sum, other) => sum + (other.atMs <= atMs && atMs - other.atMs < MINUTE_MS ? other.flows.length : 0), 0);
    if (ofMinute > maxDeletesAMinute)
      yield { subject: id, what: `${ofMinute} flows were ended within a minute, and its owner allows ${maxDeletesAMinute}` };
    if (remediationId !== undefined && flows.length > maxFlowsAlone)
      yield {
        subject: id,
        what: `remediation ${remediationId} ended ${flows.length} flows without a second person, who is required above ${maxFlowsAlone}`,
      };
  }
}

function* nobodyAgreed({ history, plans }: Evidence): Generator<Breach> {
  for (const { planId, digest, answer, flushId } of history.asks) {
    const plan = plans.get(planId);
    if (answer !== 'accepted' || !plan) continue;
    if (plan.digest !== digest) yield { subject: flushId ?? planId, what: 'a plan ran for somebody who had seen another' };
    if (plan.needsApproval && !plan.isApproved) yield { subject: flushId ?? planId, what: 'a plan ran without its second person' };
  }
}

function* beyondThePlan(evidence: Evidence, { gatewayId, kind, flows, commandId }: Attempt): Generator<Breach> {
  const command = commandId === undefined ? undefined : evidence.commands.get(commandId);
  if (!command) return;
  const plan = evidence.plans.get(command.planId);
  const wanted = command.undoOf === undefined ? plan?.method : 'restore';
  if (wanted !== kind) yield { subject: command.id, what: `it was to ${wanted} and did ${kind}` };
  const may: ReadonlySet<FlowName> =
    command.undoOf === undefined ? (plan?.flows.get(gatewayId) ?? new Set()) : new Set(changedBy(evidence, command.undoOf, 'delete'));
  const others = flows.filter((flow) => !may.has(flow));
  if (others.length > 0) yield { subject: command.id, what: `${others.length} flows were not in what was shown, such as ${others[0]}` };
}

/** What was stopped before it began is left alone. */
function* stoppedAndWent(evidence: Evidence): Generator<Breach> {
  const { deeds, attemptsOf, history, flushes } = evidence;
  for (const own of deeds.values()) {
    const started = new Set<string>();
    for (const deed of own) {
      if (deed.kind === 'started') started.add(deed.commandId);
      if (deed.kind === 'stopped' && !started.has(deed.commandId) && attemptsOf.has(deed.commandId))
        yield { subject: deed.commandId, what: 'it was stopped before it began, and ran' };
    }
  }
  for (const { id, state, flushId, gatewayId } of history.commands) {
    const target = flushes.get(flushId)?.targets.find((one) => one.gatewayId === gatewayId);
    if ((state === 'cancelled' || target?.state === 'cancelled') && changedBy(evidence, id, 'delete').length > 0)
      yield { subject: id, what: 'it was cancelled, and ran' };
  }
}

/** A wave begins when all before it have ended. When those ended that ran between a backup and its restore, the database does not know. */
function* beforeItsWave(evidence: Evidence): Generator<Breach> {
  const { history, attemptsOf } = evidence;
  const commandsOf = Map.groupBy(history.commands, ({ flushId }) => flushId);
  for (const { id, targets } of history.flushes) {
    const began = new Map((commandsOf.get(id) ?? []).map((command) => [command.gatewayId, attemptsOf.get(command.id)?.[0]?.atMs]));
    for (const target of targets) {
      const atMs = began.get(target.gatewayId);
      const early =
        atMs === undefined || wasForgotten(evidence, atMs)
          ? undefined
          : targets.find((other) => other.wave < target.wave && (other.finishedAtMs ?? Infinity) > atMs);
      if (early)
        yield {
          subject: `${id} ${target.gatewayId}`,
          what: `it began in wave ${target.wave} before ${early.gatewayId} of wave ${early.wave} had ended`,
        };
    }
  }
}

/** I13: every part lives until the harness ends it. */
export function* nobodyIsEnded({ history }: Evidence): Generator<Breach> {
  for (const { part, how, atMs } of history.deaths)
    yield { subject: `${part} at ${new Date(atMs).toISOString()}`, what: `it ended (${how}) although nobody ended it` };
}

/** Others find out within five seconds; a machine on which everything is being broken may take twice as long. */
const MAX_SHOWN_MS = 10_000;

/** I14: a gateway is not shown as connected once its controller is gone. */
export function* nobodySeesTheDead({ history }: Evidence): Generator<Breach> {
  for (const { gatewayId, goneForMs } of history.sightings)
    if (goneForMs > MAX_SHOWN_MS)
      yield { subject: gatewayId, what: `it was shown as connected ${goneForMs} ms after its controller was gone` };
}
