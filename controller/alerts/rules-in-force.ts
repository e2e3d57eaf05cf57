import { effectiveRules, type EffectiveRule, type RulesLayer } from '../../proto/model/alerts/effective.ts';
import { readRules } from '../../proto/model/alerts/read.ts';
import type { Level } from '../../proto/model/policy/effective.ts';
import { reaches, type Place } from '../policies/targets.ts';
import type { GatewayPlace, RulesRow } from './rows.ts';
import { windowOn, type Window } from './windows.ts';

/** A document with what it is for. */
export type AttachedRules = Pick<RulesRow, 'id' | 'tenantId' | 'level' | 'tag' | 'siteId' | 'gatewayId'> & {
  layer: RulesLayer;
};

/** Those that can be read: one that an earlier version could and this one cannot holds nowhere. */
export function attachedRules(rows: readonly Omit<RulesRow, 'name'>[]): AttachedRules[] {
  return rows.flatMap((row) => {
    const read = readRules(row.document);
    return 'document' in read ? [{ ...row, layer: { documentId: row.id, level: row.level as Level, document: read.document } }] : [];
  });
}

/** What holds on a gateway. */
export function rulesOn(attached: readonly AttachedRules[], place: Place): EffectiveRule[] {
  return effectiveRules(attached.filter((one) => reaches(one, place)).map(({ layer }) => layer));
}

/** Rules, windows and gateways as they were read together. What holds on a gateway is worked out when it is first asked for. */
export class RulesInForce {
  readonly places: ReadonlyMap<string, GatewayPlace>;
  private readonly known = new Map<string, EffectiveRule[]>();

  constructor(
    private readonly attached: readonly AttachedRules[],
    private readonly windows: readonly Window[],
    places: readonly GatewayPlace[],
  ) {
    this.places = new Map(places.map((place) => [place.id, place]));
  }

  /** What is built in, and what documents of the installation for the whole fleet say: for what is of no gateway. */
  ofInstallation(): EffectiveRule[] {
    return this.remembered('', () => effectiveRules(this.attached.filter(({ level }) => level === 'fleet').map(({ layer }) => layer)));
  }

  /** Gateways that the same documents reach share the result. */
  of(gatewayId: string): EffectiveRule[] {
    const place = this.places.get(gatewayId);
    if (!place || this.attached.length === 0) return this.ofInstallation();
    const reaching = this.attached.filter((one) => reaches(one, place));
    return this.remembered(reaching.map(({ id }) => id).join(), () => effectiveRules(reaching.map(({ layer }) => layer)));
  }

  /** What would hold on a gateway if a document that is not saved were, in place of one of its name. */
  with(draft: AttachedRules, place: GatewayPlace): EffectiveRule[] {
    const isReplaced = ({ tenantId, layer }: AttachedRules): boolean =>
      tenantId === draft.tenantId && layer.document.metadata.name === draft.layer.document.metadata.name;
    return rulesOn([...this.attached.filter((one) => !isReplaced(one)), draft], place);
  }

  /** The maintenance window in which a gateway is. */
  windowOn(gatewayId: string, nowMs: number): { until: Date; name: string } | undefined {
    const place = this.places.get(gatewayId);
    const found = place && windowOn(this.windows, place, nowMs);
    return found && { until: new Date(found.untilMs), name: found.window.name };
  }

  private remembered(key: string, make: () => EffectiveRule[]): EffectiveRule[] {
    const known = this.known.get(key);
    if (known) return known;
    const made = make();
    this.known.set(key, made);
    return made;
  }
}
