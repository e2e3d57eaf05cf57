import type { LocalGuard as WireGuard } from '../../proto/gen/ctfleet/v1/link.ts';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { LIMITS_WINDOW_MS, whyTooLargeShare, whyTooManyFlows, type OnePersonLimits } from '../../proto/model/tenant-limits.ts';
import type { FlowContext } from '../conntrack/table.ts';

/**
 * What is about to be done to a table. `tableCount`: entries in it at this moment. `limits`: what the tenant lets one person end, of what nobody else
 * has agreed to; absent where somebody has, or where the controller has seen to it.
 */
export interface Ask { method: Method; flows: number; tableCount: number; limits?: OnePersonLimits }

/** What the gateway's owner allows. Commands and local remediations ask the same one, so that they share its budget. */
export interface Guard {
  /** Throws GUARD_REFUSED or APPROVAL_NEEDED with the rule that stands against it; what was allowed counts against the budget at once. */
  allow(ask: Ask): void;
  /** Throws GUARD_REFUSED where nothing may be changed at all; an undo ends no flow and has no budget. */
  allowUndo(): void;
  /** Flows that no plan may touch, beside the built-in ones. */
  protections(): FlowContext['protections'];
}

/** The guard file's rules. A file that cannot be read has an `error`, and forbids everything. */
export interface GuardRules {
  isReadOnly: boolean;
  /** Empty: all. */
  methods: Method[];
  protect: { filter: string; reason: string }[];
  protections: FlowContext['protections'];
  mostDeletesAMinute?: number;
  mostPercentOfTable?: number;
  error?: string;
}

/** What holds where there is no guard file. */
export const NO_RULES: GuardRules = { isReadOnly: false, methods: [], protect: [], protections: [] };

const MINUTE_MS = 60_000;

/** The rule that stands against it, in words with the cure; undefined if it is allowed. `ended`: flows of the last minute. */
export function refusalOf(rules: GuardRules, { method, flows, tableCount }: Ask, ended: number): string | undefined {
  const { methods, mostDeletesAMinute, mostPercentOfTable } = rules;
  const closed = closedBecause(rules);
  if (closed !== undefined) return closed;
  if (methods.length > 0 && !methods.includes(method)) return `methods: only ${methods.map(methodWord).join(', ')} may be used on this gateway.`;
  if (mostPercentOfTable !== undefined && flows * 100 > tableCount * mostPercentOfTable) {
    return `mostPercentOfTable: ${flows} of ${tableCount} flows are more than ${mostPercentOfTable} %. Narrow the filter.`;
  }
  if (mostDeletesAMinute !== undefined && ended + flows > mostDeletesAMinute) {
    return `mostDeletesAMinute: ${flows} flows and ${ended} of the last minute are more than ${mostDeletesAMinute}. Wait, or narrow the filter.`;
  }
  return undefined;
}

/** Why somebody beside its maker must agree first; undefined if nobody must. `ended`: flows that were ended so within the window. */
export function approvalNeeded({ flows, tableCount, limits }: Ask, ended: number): string | undefined {
  if (!limits) return undefined;
  const share = { flows, tableCount, before: ended };
  return whyTooManyFlows(limits, share) ?? whyTooLargeShare(limits, share);
}

/** Why nothing at all may be changed. */
function closedBecause({ error, isReadOnly }: GuardRules): string | undefined {
  if (error !== undefined) return error;
  return isReadOnly ? 'readOnly: this gateway only lets itself be looked at.' : undefined;
}

/** Holds to the rules as they are at each moment, and counts what was allowed in the last minute. */
export class LocalGuard implements Guard {
  readonly #rules: () => GuardRules;
  readonly #now: () => number;
  #allowed: { atMs: number; flows: number; isAlone: boolean }[] = [];

  /** @param rules the guard file as it is now */
  constructor(rules: () => GuardRules, now: () => number) {
    this.#rules = rules;
    this.#now = now;
  }

  allow(ask: Ask): void {
    const nowMs = this.#now();
    this.#allowed = this.#allowed.filter(({ atMs }) => atMs <= nowMs && nowMs - atMs < LIMITS_WINDOW_MS);
    refuse(refusalOf(this.#rules(), ask, this.#sum(({ atMs }) => nowMs - atMs < MINUTE_MS)));
    const why = approvalNeeded(ask, this.#sum(({ isAlone }) => isAlone));
    if (why !== undefined) throw new FleetError('APPROVAL_NEEDED', `It needs a second person: ${why}. Have somebody agree to the remediation, or lower what it may end.`);
    this.#allowed.push({ atMs: nowMs, flows: ask.flows, isAlone: ask.limits !== undefined });
  }

  allowUndo(): void {
    refuse(closedBecause(this.#rules()));
  }

  #sum(counts: (one: { atMs: number; isAlone: boolean }) => boolean): number {
    return this.#allowed.filter(counts).reduce((sum, { flows }) => sum + flows, 0);
  }

  protections(): FlowContext['protections'] {
    return this.#rules().protections;
  }

  /** What the controller is told of it. */
  toWire(): WireGuard {
    const { isReadOnly, methods, protect, mostDeletesAMinute, mostPercentOfTable, error } = this.#rules();
    return { isReadOnly, methods, mostDeletesAMinute, mostPercentOfTable, protected: protect.map(({ filter }) => filter), error: error ?? '', isBuiltIn: false };
  }
}

function refuse(rule: string | undefined): void {
  if (rule !== undefined) throw new FleetError('GUARD_REFUSED', `The guard file of this gateway refuses it. ${rule}`);
}

const METHOD_WORDS: Partial<Record<Method, string>> = {
  [Method.METHOD_DELETE]: 'delete', [Method.METHOD_RESET]: 'reset', [Method.METHOD_BLOCK]: 'block', [Method.METHOD_EXPIRE]: 'expire',
};

function methodWord(method: Method): string {
  return METHOD_WORDS[method] ?? String(method);
}
