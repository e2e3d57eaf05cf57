import { createHash } from 'node:crypto';
import type { ActualPolicy } from '../../../proto/model/policy/actual.ts';
import { settledValues, type PolicyDifference } from '../../../proto/model/policy/difference.ts';
import type { DriftWay, PolicyMatch, PolicyRule, PolicyValues, Timeouts } from '../../../proto/model/policy/document.ts';
import { FleetError } from '../../../proto/model/error-codes.ts';
import type { PolicyTable } from '../policy-table.ts';
import type { FoundTable } from '../read-ruleset.ts';
import { rulesetOf } from '../ruleset.ts';
import type { ChangeRecord } from './change-record.ts';
import { isSameTable, wholeTable } from './table-match.ts';

/** One number below /proc/sys/net/netfilter. */
export interface SettingStep {
  setting: string;
  from: number;
  to: number;
}

/** All that is changed on a gateway, and with it the exact way back. */
export interface ChangeSet {
  /** In the order in which they are written; put back in the other. */
  settings: SettingStep[];
  /** Our table, if it changes; absent within it is no table. */
  table?: { from?: PolicyTable; to?: PolicyTable };
  /** SHA-256 over the rest. */
  digest: string;
}

/** What a gateway is held to by a policy, of what can be set there. */
export interface HeldValues {
  /** By file name. */
  settings: Record<string, number>;
  rules: PolicyRule[];
  helpers: string[];
  timeouts: Timeouts;
  /** Absent: `report`. */
  drift?: DriftWay;
}

export interface ChangeInput {
  wanted: PolicyValues;
  difference: PolicyDifference;
  actual: Pick<ActualPolicy, 'noTable'>;
  /** Our table as it is. */
  found: FoundTable | undefined;
  /** Packets that no rule touches. */
  spared: readonly PolicyMatch[];
}

const [MAX, BUCKETS] = ['nf_conntrack_max', 'nf_conntrack_buckets'];
/** The kernel rounds buckets up to whole pages, of 64 KiB at most. */
const BUCKETS_A_PAGE = 8192;

/** The change from what a gateway is set to, without what is refused. Throws GUARD_REFUSED for what could not be put back as it was. */
export function changeSetOf({ wanted, difference, actual, found, spared }: ChangeInput): { changes: ChangeSet; held: HeldValues } {
  const { settings, helpers, rules } = settledValues(wanted, difference);
  const held: HeldValues = {
    settings: Object.fromEntries(
      difference.changes.flatMap((change) =>
        change.on === 'setting' && change.verdict.kind !== 'refused' ? [[change.setting, change.to] as const] : [],
      ),
    ),
    rules,
    helpers,
    timeouts: wanted.timeouts,
    ...(wanted.drift && { drift: wanted.drift }),
  };
  const steps = inSafeOrder(settings.map(({ setting, from, to }) => ({ setting, from: from!, to })));
  const to = tableOf(held, spared);
  if (actual.noTable !== undefined || isSameTable(found?.table, to)) return { changes: withDigest({ settings: steps }), held };
  if (found && found.strange.length > 0) throw notOurs(found.strange);
  const table = { ...(found && { from: wholeTable(found.table) }), ...(to && { to }) };
  return { changes: withDigest({ settings: steps, table }), held };
}

/**
 * The change from a policy that holds to what was before it, from what the gateway is set to now. Where nothing was confirmed before, to
 * the settings and the table that were found then, and nothing is held any more. Throws as `changeSetOf`.
 */
export function wayBackOf(
  { changes: done, before }: Pick<ChangeRecord, 'changes' | 'before'>,
  {
    settings,
    found,
    spared,
  }: { settings: Readonly<Record<string, number>>; found: FoundTable | undefined; spared: readonly PolicyMatch[] },
): { changes: ChangeSet; held: HeldValues } {
  const held: HeldValues = before?.held ?? { settings: {}, rules: [], helpers: [], timeouts: {} };
  const steps = done.settings.toReversed().flatMap(({ setting, from: to }): SettingStep[] => {
    const from = settings[setting];
    return from === undefined || isAsWritten(setting, to, from) ? [] : [{ setting, from, to }];
  });
  const to = before ? tableOf(held, spared) : done.table?.from;
  const isLeft = before === undefined && done.table === undefined;
  if (isLeft || isSameTable(found?.table, to)) return { changes: withDigest({ settings: inSafeOrder(steps) }), held };
  if (found && found.strange.length > 0) throw notOurs(found.strange);
  const table = { ...(found && { from: wholeTable(found.table) }), ...(to && { to }) };
  return { changes: withDigest({ settings: inSafeOrder(steps), table }), held };
}

/** The table by which rules and helpers hold. */
export function tableOf({ rules, helpers, timeouts }: HeldValues, spared: readonly PolicyMatch[]): PolicyTable | undefined {
  return rulesetOf({ rules, helpers, timeouts, spared });
}

/** True if a setting that was read is as it was written. */
export function isAsWritten(setting: string, written: number, read: number | undefined): boolean {
  if (read === undefined) return false;
  return read === written || (setting === BUCKETS && read > written && read - written < BUCKETS_A_PAGE);
}

export function digestOf({ settings, table }: Omit<ChangeSet, 'digest'>): string {
  return createHash('sha256')
    .update(JSON.stringify([settings, table]))
    .digest('hex');
}

/** A table that grows gets its buckets first, and one that shrinks gets rid of them last, so that no chain is long meanwhile. */
function inSafeOrder(steps: readonly SettingStep[]): SettingStep[] {
  const max = steps.find(({ setting }) => setting === MAX);
  const buckets = steps.find(({ setting }) => setting === BUCKETS);
  const sizes = max && buckets && max.to < max.from ? [max, buckets] : [buckets, max];
  return [...sizes.filter((step) => step !== undefined), ...steps.filter((step) => step !== max && step !== buckets)];
}

function withDigest(changes: Omit<ChangeSet, 'digest'>): ChangeSet {
  return { ...changes, digest: digestOf(changes) };
}

function notOurs(strange: readonly string[]): FleetError {
  const more = strange.length > 1 ? `, and ${strange.length - 1} more` : '';
  return new FleetError(
    'GUARD_REFUSED',
    `The table inet ctfleet_policy could not be put back as it is: ${strange[0]}${more}. Somebody else made that; remove it, or the ` +
      'whole table with “nft delete table inet ctfleet_policy”.',
  );
}
