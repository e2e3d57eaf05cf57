import type { Gateway } from '../../proto/http/fleet.ts';
import { changeCount, differenceDigest } from '../../proto/model/policy/difference-digest.ts';
import type { PolicyChange, PolicyDifference } from '../../proto/model/policy/difference.ts';
import type { EffectivePolicy } from '../../proto/model/policy/effective.ts';
import { APPLIES_POLICY } from '../../proto/model/policy/gateway-reading.ts';
import { abilityOf, type GatewayRow } from '../gateways/gateway-view.ts';
import type { NewPlanGateway } from '../plans/new-plan.ts';
import { sentDocument } from '../policies/sent-document.ts';
import type { PlannedPart } from '../policies/planned.ts';

/** What is kept of what a roll-out changes on a gateway, so that everybody is shown it as far as they may see it. */
export interface KeptChange {
  difference: PolicyDifference;
  origins: EffectivePolicy['origins'];
  /** Of each policy; null for the installation. */
  tenantOf: Record<string, string | null>;
}

/** One gateway's part of a roll-out; `ready` has what its agent is sent. */
export interface RolloutPart {
  gateway: NewPlanGateway;
  ready?: { document: string; change: KeptChange; stopped: number; tableCount?: number };
}

/** Of what was planned: `ready`, `empty` where nothing would change, or `left-out` with the reason. */
export function toPart(policyName: string, planned: PlannedPart, position: number, tenantOf: KeptChange['tenantOf']): RolloutPart {
  const { row, effective, difference } = planned;
  const gateway: NewPlanGateway = {
    gatewayId: row.id,
    tenantId: row.tenantId,
    siteId: row.siteId,
    name: row.name,
    position,
    state: 'left-out',
    reason: null,
    flows: 0,
    staleFlows: null,
    tableCount: null,
    snapshotAt: null,
    refused: null,
    spared: [],
    chunks: [],
  };
  const leftOut = (reason: string): RolloutPart => ({ gateway: { ...gateway, reason } });
  if (!difference) return leftOut(planned.gateway.reason ?? 'it did not answer');
  const why = whyNotHere(row);
  if (why !== undefined) return leftOut(why);
  const changes = changeCount(difference);
  // One that is set so by chance is to be held to it.
  if (changes === 0 && planned.gateway.isInForce !== false) return { gateway: { ...gateway, state: 'empty' } };
  const written = sentDocument(policyName, effective);
  if ('reason' in written) return leftOut(written.reason);
  const { effects } = planned.gateway;
  return {
    gateway: { ...gateway, state: 'ready', flows: changes, digest: differenceDigest(difference) },
    ready: {
      document: written.document,
      change: { difference, origins: effective.origins, tenantOf },
      stopped: (effects?.effects ?? []).reduce((flows, effect) => flows + (effect.kind === 'stopped' ? effect.flows : 0), 0),
      tableCount: effects?.tableCount,
    },
  };
}

/** Why a gateway would refuse it, as far as it has said so. The gateway itself holds to it. */
function whyNotHere(row: GatewayRow): string | undefined {
  const { can, why } = abilityOf(row, APPLIES_POLICY);
  if (!can) return why ?? 'its agent cannot put a policy in force: update it';
  const guard = (row.guard as Gateway['guard'] | null) ?? undefined;
  if (guard?.error !== undefined) return `its guard file: ${guard.error}`;
  return guard?.isReadOnly ? 'its guard file lets nothing be changed' : undefined;
}

const MAX_CHANGES = 50;

/** What changes, each once, for people: `timeouts.icmp: 30 → 10`. */
export function changeWords(differences: readonly PolicyDifference[]): string[] {
  const words = new Set(
    differences.flatMap(({ changes, isReordered }) => [
      ...changes.filter(({ verdict }) => verdict.kind === 'set').map(wordsFor),
      ...(isReordered ? ['rules: in another order'] : []),
    ]),
  );
  return words.size > MAX_CHANGES ? [...[...words].slice(0, MAX_CHANGES), `${words.size - MAX_CHANGES} more`] : [...words];
}

function wordsFor(change: PolicyChange): string {
  switch (change.on) {
    case 'setting':
      return `${change.path}: ${change.from ?? 'nothing'} → ${change.to}`;
    case 'helper':
      return `helpers: ${change.helper} ${change.to ? 'added' : 'removed'}`;
    case 'rule':
      return `rule ${change.rule} ${change.from === undefined ? 'added' : change.to === undefined ? 'removed' : 'changed'}`;
  }
}
