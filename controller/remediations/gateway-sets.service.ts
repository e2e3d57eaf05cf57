import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { Remediations, type Remediation as WireRemediation } from '../../proto/gen/ctfleet/v1/remediation.ts';
import type { Limits } from '../../proto/http/limits.ts';
import { runsOnGateway, type RemediationDocument } from '../../proto/http/remediation-document.ts';
import { BLOCKS_HOSTS } from '../../proto/model/block/packets.ts';
import { abilitiesFor } from '../../proto/model/filter/abilities.ts';
import { fillFilter } from '../../proto/model/filter/template.ts';
import { LimitsService } from '../plans/limits.service.ts';
import { onePersonLimits } from '../plans/may-end.ts';
import { GatewaysRepository, type Place } from '../gateways/gateways.repository.ts';
import { encoded } from '../link/session.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { delaysOf } from './delays.ts';
import { actsOn } from './reach.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import type { RemediationRow } from './rows.ts';
import { effectiveMode, type Standing } from './standing.ts';
import { StandingsService } from './standings.service.ts';
import { exampleOf } from '../../proto/model/triggers.ts';

/** How long what sets are made of counts, if nobody says that it has changed: gateways are enrolled, moved and revoked without a word. */
const BASIS_MS = 2000;
/** Bytes of a set's digest. */
export const DIGEST_BYTES = 16;

/** A gateway's set as it is sent: the whole message, and the digest in it, hexadecimal. */
export interface GatewaySet {
  message: Uint8Array;
  digest: string;
}

/** What the sets of all gateways are made of. */
interface Basis {
  rows: RemediationRow[];
  standings: ReadonlyMap<string, Standing>;
  places: ReadonlyMap<string, Place>;
  limits: ReadonlyMap<string, Limits>;
  /** By remediation, then by gateway. */
  delays: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** The sets made so far, by what they contain: most gateways of a tenant have the same. */
  sets: Map<string, GatewaySet>;
}

/**
 * What gateways are given to run on their own: with the current mode of each remediation, the limits of its tenant, and the gateway's turn
 * among all. What that is made of is read once for all gateways, and each distinct set is made once.
 */
@Injectable()
export class GatewaySetsService {
  private current: { basis: Promise<Basis>; atMs: number } | undefined;

  constructor(
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(StandingsService) private readonly standings: StandingsService,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Something has changed that sets are made of: what is asked for from now on is made of what is stored now. */
  forget(): void {
    this.current = undefined;
  }

  /** The sets of these gateways, in order; an empty one for a gateway that should run nothing. */
  async of(gatewayIds: readonly string[]): Promise<GatewaySet[]> {
    let basis = await this.basis();
    if (gatewayIds.some((id) => !basis.places.has(id))) {
      this.forget();
      basis = await this.basis();
    }
    return gatewayIds.map((id) => setOf(basis, basis.places.get(id)));
  }

  private basis(): Promise<Basis> {
    const nowMs = this.clock();
    if (this.current && Math.abs(nowMs - this.current.atMs) <= BASIS_MS) return this.current.basis;
    const current = { basis: this.read(), atMs: nowMs };
    current.basis.catch(() => {
      if (this.current === current) this.current = undefined;
    });
    this.current = current;
    return current.basis;
  }

  /** Turns are assigned among all gateways, across tenants, so this sees all tenants. */
  private async read(): Promise<Basis> {
    return this.database.transact('all', async (t) => {
      const places = await this.gateways.places(t);
      const byId = new Map(places.map((place) => [place.id, place]));
      const rows = (await this.remediations.enabled(t)).filter((row) => runsOnGateway(row.document));
      const sets = new Map<string, GatewaySet>();
      if (rows.length === 0) return { rows, standings: new Map(), places: byId, limits: new Map(), delays: new Map(), sets };
      const delays = rows.map(({ id, tenantId, document }) => {
        const reached = places.filter((place) => actsOn({ tenantId, document }, place));
        return [id, delaysOf(document.trigger, reached)] as const;
      });
      return {
        rows,
        standings: await this.standings.of(t, rows),
        places: byId,
        limits: await this.limits.ofTenants(t, [...new Set(places.map(({ tenantId }) => tenantId))]),
        delays: new Map(delays),
        sets,
      };
    });
  }
}

function setOf(basis: Basis, place: Place | undefined): GatewaySet {
  const own = place ? basis.rows.flatMap((row) => delayed(basis, row, place)) : [];
  const key = JSON.stringify([place?.tenantId, own.map(({ row, delaySeconds }) => [row.id, delaySeconds])]);
  const known = basis.sets.get(key);
  if (known) return known;
  const remediations = own.map(({ row: { id, revision, document }, delaySeconds }): WireRemediation => {
    const standing = basis.standings.get(id)!;
    return {
      id,
      revision,
      document: JSON.stringify({ ...document, mode: effectiveMode(document, standing), ...needsOf(document) }),
      limits: onePersonLimits(basis.limits.get(place!.tenantId)!),
      isApproved: standing.approval.state === 'given',
      delaySeconds,
    };
  });
  const made = toSet(remediations);
  basis.sets.set(key, made);
  return made;
}

/** The remediation with the gateway's delay, if it acts there: delays were given to exactly those gateways. */
function delayed({ delays }: Basis, row: RemediationRow, { id }: Place): { row: RemediationRow; delaySeconds: number }[] {
  const delaySeconds = delays.get(row.id)!.get(id);
  return delaySeconds === undefined ? [] : [{ row, delaySeconds }];
}

function toSet(remediations: WireRemediation[]): GatewaySet {
  const content = Remediations.encode(Remediations.fromPartial({ remediations })).finish();
  const digest = createHash('sha256').update(content).digest().subarray(0, DIGEST_BYTES);
  return { message: encoded({ $case: 'remediations', value: { remediations, digest } }), digest: digest.toString('hex') };
}

/**
 * What an agent must support of filters and blocks to run a document. An older agent does not know `needsNewerAgent` either, refuses the
 * whole document and reports that; without it, `10.0.0.5:5060` would have its old meaning there: address and port on any side,
 * independently.
 */
function needsOf({ filter, trigger, method }: RemediationDocument): { needsNewerAgent?: string[] } {
  const read = fillFilter(filter, exampleOf(trigger.kind));
  const needed = [...('filter' in read ? abilitiesFor(read.filter) : []), ...(method === 'block' ? [BLOCKS_HOSTS] : [])];
  return needed.length > 0 ? { needsNewerAgent: needed } : {};
}
