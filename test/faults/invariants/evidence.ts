import type { CommandRecord, Deed, FlowName, FlushRecord, GatewayRow, History, PlanRecord } from '../history.ts';

/** What breaks an invariant, and what it concerns. `tally`: which count in the summary it adds to, if it has one. */
export interface Violation {
  invariant: string;
  subject: string;
  what: string;
  tally?: 'lost' | 'doubled' | 'disordered' | 'unfinished' | 'late';
}
export type Breach = Omit<Violation, 'invariant'>;

/** A change of a table, with the command that the gateway's journal had in progress at that moment, or the remediation that made it. */
export interface Attempt {
  gatewayId: string;
  life: number;
  atMs: number;
  kind: 'delete' | 'expire' | 'restore';
  flows: FlowName[];
  commandId?: string;
  remediationId?: string;
}

/** A history with what the checks look up in it. */
export interface Evidence {
  history: History;
  gateways: ReadonlyMap<string, GatewayRow>;
  plans: ReadonlyMap<string, PlanRecord>;
  flushes: ReadonlyMap<string, FlushRecord>;
  commands: ReadonlyMap<string, CommandRecord>;
  deeds: ReadonlyMap<string, Deed[]>;
  attempts: Attempt[];
  attemptsOf: ReadonlyMap<string | undefined, Attempt[]>;
}

export function gather(history: History): Evidence {
  const deeds = Map.groupBy(history.deeds, ({ gatewayId }) => gatewayId);
  const attempts = [...deeds.values()].flatMap(attemptsIn);
  return {
    history,
    deeds,
    attempts,
    gateways: new Map(history.gateways.map((gateway) => [gateway.id, gateway])),
    plans: new Map(history.plans.map((plan) => [plan.id, plan])),
    flushes: new Map(history.flushes.map((flush) => [flush.id, flush])),
    commands: new Map(history.commands.map((command) => [command.id, command])),
    attemptsOf: Map.groupBy(attempts, ({ commandId }) => commandId),
  };
}

/** Flows that a command changed, over all lives of its agent. */
export function changedBy({ attemptsOf }: Evidence, commandId: string, kind: Attempt['kind']): FlowName[] {
  return (attemptsOf.get(commandId) ?? []).flatMap((attempt) => (attempt.kind === kind ? attempt.flows : []));
}

/** True if something was done to the system between the two moments. */
export function wasDisturbed({ history }: Evidence, fromMs: number, toMs: number): boolean {
  return history.faults.some((fault) => fault.fromMs <= toMs && fault.toMs >= fromMs);
}

/** True if two agents held a gateway's identity between the two moments: what was said in its name then cannot be held against either. */
export function wasCloned({ history }: Evidence, gatewayId: string, fromMs: number, toMs: number): boolean {
  return history.clones.some((clone) => clone.gatewayId === gatewayId && clone.fromMs <= toMs && clone.toMs >= fromMs);
}

/** True for a moment that a restored backup knows nothing about. */
export function wasForgotten({ history }: Evidence, atMs: number): boolean {
  return history.restores.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs);
}

/**
 * A gateway carries out one command at a time. Those in progress when its agent ended resume in the next life, one after another; there may
 * be several if the disk did not record that they had finished.
 */
function attemptsIn(deeds: Deed[]): Attempt[] {
  const open = new Set<string>();
  let interrupted: string[] = [];
  let underWay: string | undefined;
  return deeds.flatMap((deed): Attempt[] => {
    switch (deed.kind) {
      case 'began':
        interrupted = [...open];
        underWay = undefined;
        return [];
      case 'started':
        open.add(deed.commandId);
        underWay = deed.commandId;
        return [];
      case 'finished':
        open.delete(deed.commandId);
        if (deed.commandId === underWay) underWay = undefined;
        return [];
      case 'delete':
      case 'expire':
      case 'restore': {
        const { gatewayId, life, atMs, kind, flows, remediationId } = deed;
        const commandId = remediationId === undefined ? (underWay ?? interrupted.find((id) => open.has(id))) : undefined;
        return [{ gatewayId, life, atMs, kind, flows, commandId, remediationId }];
      }
      default:
        return [];
    }
  });
}
