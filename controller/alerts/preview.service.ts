import { setImmediate } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { checkAlertRules } from '../../proto/http/alert-rules.ts';
import type { EffectiveRule } from '../../proto/model/alerts/effective.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { ownScope } from '../policies/own-scope.ts';
import { PolicyDrafts } from '../policies/policy-drafts.service.ts';
import { reaches, type TargetColumns } from '../policies/targets.ts';
import { AlertRulesRepository } from './alert-rules.repository.ts';
import type { GatewayPlace } from './rows.ts';
import { readSentRules, type KeptRules } from './read-rules.ts';
import type { AttachedRules } from './rules-in-force.ts';
import { RulesInForceService } from './rules-in-force.service.ts';
import { hourCondition, isReplayable, whyNotReplayable } from './hours-of-interest.ts';
import { MAX_HOURS, PreviewRepository } from './preview.repository.ts';
import { replay, type Firing } from './replay.ts';

type Answer = z.output<typeof checkAlertRules.response>;

const DAYS = 30;
const DAY_MS = 86_400_000;
/** Gateways that are looked at. */
const MAX_GATEWAYS = 2000;
const MAX_SHOWN = 50;
/** History is read for this long; the rest is told to be missing. */
const PATIENCE_MS = 8000;
const UNSAVED = '00000000-0000-0000-0000-000000000000';

/** How often rules that are about to be saved would have fired, by what is stored. Saves nothing. */
@Injectable()
export class AlertRulesPreview {
  constructor(
    @Inject(PreviewRepository) private readonly history: PreviewRepository,
    @Inject(AlertRulesRepository) private readonly rules: AlertRulesRepository,
    @Inject(RulesInForceService) private readonly inForce: RulesInForceService,
    @Inject(PolicyDrafts) private readonly drafts: PolicyDrafts,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Mistakes of the document are in the answer; throws NOT_FOUND, FORBIDDEN and INVALID_REQUEST for tenant and target. */
  async check(scope: TenantScope, { target, document, ...of }: z.output<typeof checkAlertRules.body>): Promise<Answer> {
    const tenantId = of.tenantId ?? null;
    const own = ownScope(scope, tenantId);
    const wide: TargetColumns = { level: tenantId === null ? 'fleet' : 'tenant', tag: null, siteId: null, gatewayId: null };
    const { read, columns, places } = await this.database.transact(own, async (t) => ({
      read: readSentRules(document, await this.drafts.tenantName(t, tenantId)),
      columns: target ? (await this.drafts.targetOf(t, tenantId, target)).columns : wide,
      places: await this.rules.places(t),
    }));
    if ('problems' in read) return { problems: read.problems, gateways: 0, wouldHaveFired: [], notes: [] };
    const reached = places.filter((place) => reaches({ ...columns, tenantId }, place));
    return {
      problems: [],
      canonical: read.text,
      gateways: reached.length,
      ...(await this.fired(own, read, { tenantId, ...columns }, reached)),
    };
  }

  private async fired(
    scope: TenantScope,
    read: KeptRules,
    of: TargetColumns & { tenantId: string | null },
    reached: readonly GatewayPlace[],
  ): Promise<Pick<Answer, 'wouldHaveFired' | 'notes'>> {
    const inForce = await this.inForce.read();
    const level = of.level as AttachedRules['layer']['level'];
    const draft: AttachedRules = { id: UNSAVED, ...of, layer: { documentId: UNSAVED, level, document: read.document } };
    const names = new Set(Object.keys(read.document.rules));
    const rulesOf = (place: GatewayPlace): EffectiveRule[] => inForce.with(draft, place).filter(({ name }) => names.has(name));
    const looked = reached.slice(0, MAX_GATEWAYS);
    const all = new Map(looked.map((place) => [place.id, { place, rules: rulesOf(place) }]));
    const distinct = new Map(
      [...all.values()].flatMap(({ rules }) => rules.map((rule) => [JSON.stringify([rule.name, rule.isOn, rule.values]), rule])),
    );
    const notes = new Set([...distinct.values()].flatMap((rule) => whyNotReplayable(rule) ?? []));
    if (reached.length > looked.length) notes.add(`Only the first ${MAX_GATEWAYS} of ${reached.length} gateways were looked at.`);
    const judged = [...distinct.values()].filter(isReplayable);
    const found: { gatewayName: string; firing: Firing }[] = [];
    if (judged.length > 0 && looked.length > 0) {
      notes.add('Judged by minutes: what is over within a minute, and sources, are not in them.');
      found.push(...(await this.read(scope, all, judged, notes)));
    }
    return { wouldHaveFired: [...new Set(judged.map(({ name }) => name))].map((rule) => summaryOf(rule, found)), notes: [...notes] };
  }

  private async read(
    scope: TenantScope,
    all: ReadonlyMap<string, { place: GatewayPlace; rules: EffectiveRule[] }>,
    judged: readonly EffectiveRule[],
    notes: Set<string>,
  ): Promise<{ gatewayName: string; firing: Firing }[]> {
    const nowMs = this.clock();
    const since = new Date(nowMs - DAYS * DAY_MS);
    const ids = [...all.keys()];
    const { hours, oldest } = await this.database.transact(
      scope,
      async (t) => ({
        hours: await this.history.hours(t, ids, since, judged.map(hourCondition)),
        oldest: await this.history.oldestMinute(t, ids, since),
      }),
      { hasLongStatements: true },
    );
    if (!oldest) notes.add('Nothing is stored of these gateways yet.');
    else if (oldest.getTime() > since.getTime() + DAY_MS) notes.add(`History begins at ${oldest.toISOString().slice(0, 10)}.`);
    if (hours.length > MAX_HOURS)
      notes.add(`More than ${MAX_HOURS} hours had high values: only the newest were judged, so that it fired more often than told.`);
    const found: { gatewayName: string; firing: Firing }[] = [];
    for (const [id, own] of Map.groupBy(hours.slice(0, MAX_HOURS), (hour) => hour.id)) {
      if (this.clock() - nowMs > PATIENCE_MS) {
        notes.add('There was too much to read: not every gateway was judged.');
        break;
      }
      const { place, rules } = all.get(id)!;
      const minutes = await this.database.transact(scope, (t) =>
        this.history.minutes(
          t,
          id,
          own.map(({ at }) => at),
        ),
      );
      for (const firing of replay(minutes, rules.filter(isReplayable), place)) found.push({ gatewayName: place.name, firing });
      await setImmediate();
    }
    return found;
  }
}

function summaryOf(rule: string, found: readonly { gatewayName: string; firing: Firing }[]): Answer['wouldHaveFired'][number] {
  const own = found.filter(({ firing }) => firing.rule === rule).toSorted((a, b) => b.firing.raisedAtMs - a.firing.raisedAtMs);
  return {
    rule,
    times: own.length,
    gateways: new Set(own.map(({ gatewayName }) => gatewayName)).size,
    last: own.slice(0, MAX_SHOWN).map(({ gatewayName, firing: { raisedAtMs, clearedAtMs } }) => ({
      gatewayName,
      raisedAt: new Date(raisedAtMs).toISOString(),
      clearedAt: clearedAtMs === undefined ? undefined : new Date(clearedAtMs).toISOString(),
    })),
  };
}
