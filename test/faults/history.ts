import type { HashedEntry } from '../../controller/audit/chain.ts';

/** A table entry by all that makes it this one and no other: protocol, original tuple, zone, id and start. */
export type FlowName = string;

/**
 * What one run of the system left behind: what people asked for and saw, what the controller stored, what the gateways did. Times are Unix
 * milliseconds of a single clock.
 */
export interface History {
  gateways: GatewayRow[];
  asks: Ask[];
  plans: PlanRecord[];
  flushes: FlushRecord[];
  commands: CommandRecord[];
  /** In the order in which they happened on each gateway. */
  deeds: Deed[];
  audit: HashedEntry[];
  views: View[];
  changes: Change[];
  points: Point[];
  /** What was done to the system; a command may only be late while one of these lasts. */
  faults: Outage[];
  /** Two agents held the identity of one gateway. */
  clones: Clone[];
  /** The database went back to an earlier state: from the copy to the moment at which the copy took its place. */
  restores: Outage[];
  /** Parts of the system that ended although nobody ended them. */
  deaths: Death[];
  sightings: Sighting[];
}

/** A gateway that was shown as connected, and for how long the controller that held its link had been gone by then. */
export interface Sighting {
  gatewayId: string;
  goneForMs: number;
}

/**
 * `maxDeletesAMinute`: what the owner allows to be ended within a minute, by anyone. `maxFlowsAlone`: what the tenant allows to be ended
 * without a second person's approval. Absent where there is no limit.
 */
export interface GatewayRow {
  id: string;
  tenantId: string;
  protectedFlows: ReadonlySet<FlowName>;
  maxDeletesAMinute?: number;
  maxFlowsAlone?: number;
}

/** `how`: the signal or the exit code. */
export interface Death {
  part: string;
  how: string;
  atMs: number;
}

/** One call to run a plan or to undo a flush, and how and when it was answered; an answer that never came is unknown. */
export interface Ask {
  planId: string;
  digest: string;
  atMs: number;
  answer: 'accepted' | 'refused' | 'unknown';
  flushId?: string;
}

/** What was shown to whoever approved it. */
export interface PlanRecord {
  id: string;
  digest: string;
  method: string;
  isApproved: boolean;
  needsApproval: boolean;
  flows: Map<string, ReadonlySet<FlowName>>;
}

export interface FlushRecord {
  id: string;
  planId: string;
  targets: TargetRecord[];
}
export interface TargetRecord {
  gatewayId: string;
  wave: number;
  state: string;
  reason?: string;
  deleted: number;
  reappeared: number;
  restored: number;
  indeterminate: number;
  finishedAtMs?: number;
}

export interface CommandRecord {
  id: string;
  gatewayId: string;
  tenantId: string;
  flushId: string;
  planId: string;
  seq: bigint;
  state: string;
  createdAtMs: number;
  notAfterMs: number;
  /** The command that it undoes. */
  undoOf?: string;
}

/** Something that a gateway's agent did or said. */
export type OwnDeed =
  | { kind: 'began' }
  /** A new session with the controller is open. */
  | { kind: 'session' }
  /** Told the controller that it has the command. */
  | { kind: 'receipt'; commandId: string }
  /** Wrote to its journal. */
  | { kind: 'received'; commandId: string; seq: bigint; epoch: bigint }
  | { kind: 'started' | 'stopped' | 'acknowledged'; commandId: string }
  /** `isKnown`: its result says what became of each flow. */
  | { kind: 'finished'; commandId: string; isKnown: boolean }
  /** Sent a result, whether anybody received it or not. */
  | { kind: 'said'; commandId: string; claims: Claims; refusedAs?: string }
  /** Could not write a record of it, and knows that. */
  | { kind: 'unwritten'; commandId: string }
  /** Changed the table; `flows` are those that changed. `remediationId`: it acted by itself. */
  | { kind: 'delete' | 'expire' | 'restore'; flows: FlowName[]; remediationId?: string }
  /** Read its table's counters, as for every sample. */
  | { kind: 'sampled' };

/** A deed with its place and time; `life` counts the agent's processes. */
export type Deed = OwnDeed & { gatewayId: string; life: number; atMs: number };

/** What a result claims about flows. */
export interface Claims {
  deleted: number;
  reappeared: number;
  restored: number;
  indeterminate: number;
}

/** What somebody with these tenants was shown. */
export interface View {
  what: string;
  allowed: ReadonlySet<string>;
  shown: string[];
}

/** A setting that is undone automatically unless it is confirmed. */
export interface Change {
  id: string;
  gatewayId: string;
  deadlineMs: number;
  confirmedAtMs?: number;
  undoneAtMs?: number;
}

/** A point of a gateway's history as it is shown, for a span that begins at `fromMs`. */
export interface Point {
  gatewayId: string;
  fromMs: number;
  toMs: number;
}

export interface Outage {
  name: string;
  fromMs: number;
  toMs: number;
}

/** `wasSeen`: the controller set the gateway aside and said so. */
export interface Clone {
  gatewayId: string;
  fromMs: number;
  toMs: number;
  wasSeen: boolean;
}

export function emptyHistory(): History {
  return {
    gateways: [],
    asks: [],
    plans: [],
    flushes: [],
    commands: [],
    deeds: [],
    audit: [],
    views: [],
    changes: [],
    points: [],
    faults: [],
    clones: [],
    restores: [],
    deaths: [],
    sightings: [],
  };
}

/** Names an entry. */
export function nameOf({
  proto,
  orig,
  zone,
  id,
  startedAtMs,
}: {
  proto: number;
  orig: { src: string; dst: string; sport?: number; dport?: number };
  zone: number;
  id: number;
  startedAtMs?: number;
}): FlowName {
  return `${proto} ${orig.src}:${orig.sport ?? '-'}>${orig.dst}:${orig.dport ?? '-'} z${zone} #${id}@${startedAtMs ?? '-'}`;
}
