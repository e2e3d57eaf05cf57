import type { LocalGuard as WireGuard } from '../../proto/gen/ctfleet/v1/link.ts';
import { Method } from '../../proto/gen/ctfleet/v1/operation.ts';
import { FleetError, type ErrorCode } from '../../proto/model/error-codes.ts';
import { demandMet, demandWords, type SignatureDemand } from '../../proto/model/signature-demands.ts';
import type { Site } from '../../proto/signing/assertion.ts';
import { describeMethod, fromWireMethod } from '../../proto/wire/method.ts';
import { FEW_FLOWS, whyTooLargeShare, whyTooManyFlows, type OnePersonLimits } from '../../proto/model/tenant-limits.ts';
import type { FlowContext } from '../conntrack/table.ts';
import type { EndedFlows, Lately } from './lately.ts';
import { whyNotBy, type ApprovalKey, type SignedPlan } from './signed-plan.ts';
import { UsedApprovals } from './used-approvals.ts';

/**
 * What is about to be done to a table, and on whose behalf: a command's plan, a remediation of this gateway, the relief of a full table, an
 * undo, a policy whose stricter mode flows do not meet. `tableCount`: entries in it now. `stale`: how many of the flows this gateway itself
 * saw as stuck on a WAN that cannot carry them.
 */
export interface Ask {
  by: 'plan' | 'remediation' | 'emergency' | 'undo' | 'policy';
  method: Method;
  flows: number;
  stale: number;
  tableCount: number;
  /** What the tenant lets one person end without approval; absent if a second person has approved, or if the controller enforces it. */
  limits?: OnePersonLimits;
  /** A second person's signature that came with a plan, for what the guard file demands one. */
  signed?: SignedPlan;
  /** It was allowed and counted before a crash, and is being resumed. */
  isRepeated?: boolean;
}

/**
 * The one place that decides whether N flows may be ended here now: plans, remediations, emergencies and undos ask it, and share its
 * budget.
 */
export interface Guard {
  /**
   * Throws GUARD_REFUSED or APPROVAL_NEEDED with the rule that forbids it, and what the disk throws if it cannot be counted. What was
   * allowed counts at once; an undo ends no flows and does not count.
   */
  allow(ask: Ask): void;
  /** Throws GUARD_REFUSED where nothing may be deleted: for what ends no flow by itself, and so has no limit. */
  allowDeleting(): void;
  /** The same for how the gateway tracks, of which the file only says whether anything may be changed. */
  allowChange(): void;
  /** Flows that no plan may touch, in addition to the built-in ones. */
  protections(): FlowContext['protections'];
}

/** The guard file's rules. An unusable file has an `error` and forbids everything. */
export interface GuardRules {
  isReadOnly: boolean;
  /** Empty: all. */
  methods: Method[];
  protect: { filter: string; reason: string }[];
  protections: FlowContext['protections'];
  mostDeletesAMinute?: number;
  mostPercentOfTable?: number;
  approvals?: ApprovalRules;
  error?: string;
}

/** What needs a second person's signature, by one of these keys, given on this site. */
export interface ApprovalRules {
  demandedFor: readonly SignatureDemand[];
  site: Site;
  keys: ApprovalKey[];
}

/** What applies without a guard file, in addition to the built-in share of the table. */
export const NO_RULES: GuardRules = { isReadOnly: false, methods: [], protect: [], protections: [] };

/**
 * Share of the table that may be ended within any minute if the owner set none: nobody empties a gateway, in however many plans. Flows that
 * the gateway itself sees as stale do not count, so that a full WAN may fail over.
 */
export const BUILT_IN_PERCENT = 50;

/** The rule that forbids it, with a remedy; undefined if it is allowed. */
export function refusalOf(rules: GuardRules, ask: Ask, lately: EndedFlows): { code: ErrorCode; detail: string } | undefined {
  const closed = whyClosed(rules, ask.method);
  if (closed !== undefined) return guarded(closed);
  if (ask.by === 'undo' || ask.isRepeated) return undefined;
  const tooMany = beyondTenant(ask, lately);
  if (tooMany !== undefined) return { code: 'APPROVAL_NEEDED', detail: tooMany };
  const rule = unsigned(rules, ask, lately) ?? beyondShare(rules, ask, lately) ?? beyondMinute(rules, ask, lately);
  return rule === undefined ? undefined : guarded(rule);
}

function guarded(rule: string): { code: ErrorCode; detail: string } {
  return { code: 'GUARD_REFUSED', detail: `The guard of this gateway refuses it. ${rule}` };
}

/** The rule that forbids any change here, or this method, however little it does. */
function whyClosed({ error, isReadOnly, methods }: GuardRules, method?: Method): string | undefined {
  if (error !== undefined) return error;
  if (isReadOnly) return 'readOnly: nothing may be changed on this gateway.';
  if (method === undefined || methods.length === 0 || methods.includes(method)) return undefined;
  return `methods: only ${methods.map(describeMethod).join(', ')} may be used on this gateway.`;
}

/**
 * Why a second person must approve it first; undefined if nobody must. All flows ended without approval within the window count together.
 */
function beyondTenant({ flows, tableCount, limits }: Ask, { alone }: EndedFlows): string | undefined {
  if (!limits) return undefined;
  const share = { flows, tableCount, before: alone };
  const why = whyTooManyFlows(limits, share) ?? whyTooLargeShare(limits, share);
  return why && `It needs a second person: ${why}. Have somebody approve the remediation, or lower its limits.`;
}

/** What needs a signature here; undefined for what does not, and for the relief of a full table, which no controller can order. */
function demandOf({ approvals }: GuardRules, { by, method, flows, tableCount }: Ask, lately: EndedFlows): SignatureDemand | undefined {
  if (!approvals || by === 'emergency') return undefined;
  return demandMet(approvals.demandedFor, { method: fromWireMethod(method), flows, before: lately.flows, tableCount });
}

function unsigned(rules: GuardRules, ask: Ask, lately: EndedFlows): string | undefined {
  const demand = demandOf(rules, ask, lately);
  if (demand === undefined) return undefined;
  const needs = `approvals: ${demandWords(demand)} needs the signature of a second person on this gateway`;
  if (ask.by !== 'plan') return `${needs}, and a ${ask.by} has none. Run a plan instead.`;
  if (!ask.signed) return `${needs}, and none came with the command, or one for another gateway. Have the plan approved with a passkey.`;
  const { keys, site } = rules.approvals!;
  const why = whyNotBy(keys, site, ask.signed);
  return why && `${needs}, and the one that came does not count: ${why}.`;
}

/** The share is of the table as it was a minute ago: many plans of a few per cent each add up to the same as one large one. */
function beyondShare({ mostPercentOfTable }: GuardRules, { flows, stale, tableCount }: Ask, lately: EndedFlows): string | undefined {
  const table = tableCount + lately.flows;
  const words = `${flows} flows${lately.flows > 0 ? ` and ${lately.flows} of the last minute` : ''}`;
  if (mostPercentOfTable !== undefined) {
    return (flows + lately.flows) * 100 > table * mostPercentOfTable
      ? `mostPercentOfTable: ${words} are more than ${mostPercentOfTable} % of ${table}. Narrow the filter, or wait a minute.`
      : undefined;
  }
  const counted = flows - stale + lately.flows - lately.stale;
  if (counted <= FEW_FLOWS || counted * 100 <= table * BUILT_IN_PERCENT) return undefined;
  return (
    `No more than ${BUILT_IN_PERCENT} % of a table are ended within a minute, and ${words} are more of ${table}. ` +
    'Narrow the filter, wait a minute, or set mostPercentOfTable in the guard file on the gateway; flows that are stale do not count.'
  );
}

function beyondMinute({ mostDeletesAMinute }: GuardRules, { flows }: Ask, lately: EndedFlows): string | undefined {
  if (mostDeletesAMinute === undefined || lately.flows + flows <= mostDeletesAMinute) return undefined;
  return `mostDeletesAMinute: ${flows} flows and ${lately.flows} of the last minute are more than ${mostDeletesAMinute}. Wait, or narrow the filter.`;
}

/** Applies the rules as they are at each call, and counts what was allowed in the last minute. */
export class LocalGuard implements Guard {
  readonly #rules: () => GuardRules;
  readonly #lately: Lately;
  readonly #used: UsedApprovals;

  /**
   * @param rules returns the current rules of the guard file
   * @param lately what was ended in the last minute
   * @param used which signatures were used; absent: kept in memory only
   */
  constructor(rules: () => GuardRules, lately: Lately, used = new UsedApprovals(Date.now)) {
    this.#rules = rules;
    this.#lately = lately;
    this.#used = used;
  }

  allow(ask: Ask): void {
    const [rules, lately] = [this.#rules(), this.#lately.ended()];
    const refusal = refusalOf(rules, ask, lately);
    if (refusal) throw new FleetError(refusal.code, refusal.detail);
    if (ask.signed && !ask.isRepeated && demandOf(rules, ask, lately)) this.#used.take(ask.signed);
    if (ask.by !== 'undo' && !ask.isRepeated) this.#lately.add({ flows: ask.flows, stale: ask.stale, alone: ask.limits ? ask.flows : 0 });
  }

  allowDeleting(): void {
    this.#refuseIf(whyClosed(this.#rules(), Method.METHOD_DELETE));
  }

  allowChange(): void {
    this.#refuseIf(whyClosed(this.#rules()));
  }

  #refuseIf(rule: string | undefined): void {
    if (rule === undefined) return;
    const { code, detail } = guarded(rule);
    throw new FleetError(code, detail);
  }

  protections(): FlowContext['protections'] {
    return this.#rules().protections;
  }

  /** The guard as reported to the controller. */
  toWire(): WireGuard {
    const { isReadOnly, methods, protect, mostDeletesAMinute, mostPercentOfTable, approvals, error } = this.#rules();
    return {
      isReadOnly,
      methods,
      mostDeletesAMinute,
      mostPercentOfTable: mostPercentOfTable ?? BUILT_IN_PERCENT,
      isBuiltIn: mostPercentOfTable === undefined,
      protected: protect.map(({ filter }) => filter),
      signedFor: [...(approvals?.demandedFor ?? [])],
      error: error ?? '',
    };
  }
}
