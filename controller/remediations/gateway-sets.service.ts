import { Inject, Injectable } from '@nestjs/common';
import type { Remediation as WireRemediation } from '../../proto/gen/ctfleet/v1/remediation.ts';
import { runsOnGateway, type RemediationDocument } from '../../proto/http/remediation-document.ts';
import { BLOCKS_HOSTS } from '../../proto/model/block/packets.ts';
import { abilitiesFor } from '../../proto/model/filter/abilities.ts';
import { fillFilter } from '../../proto/model/filter/template.ts';
import { LimitsService } from '../plans/limits.service.ts';
import { onePersonLimits } from '../plans/may-end.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { Database } from '../platform/database.ts';
import { delaysOf } from './delays.ts';
import { actsOn } from './reach.ts';
import { RemediationsRepository } from './remediations.repository.ts';
import { effectiveMode } from './standing.ts';
import { StandingsService } from './standings.service.ts';
import { exampleOf } from '../../proto/model/triggers.ts';

/**
 * What gateways are given to run on their own: with the current mode of each remediation, the limits of its tenant, and the gateway's turn
 * among all.
 */
@Injectable()
export class GatewaySetsService {
  constructor(
    @Inject(RemediationsRepository) private readonly remediations: RemediationsRepository,
    @Inject(StandingsService) private readonly standings: StandingsService,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(LimitsService) private readonly limits: LimitsService,
    @Inject(Database) private readonly database: Database,
  ) {}

  /**
   * The sets of these gateways, by their ids; none for a gateway that should run nothing. Turns are assigned among all gateways, across
   * tenants, so this sees all tenants.
   */
  async of(gatewayIds: readonly string[]): Promise<Map<string, WireRemediation[]>> {
    return this.database.transact('all', async (t) => {
      const rows = (await this.remediations.enabled(t)).filter((row) => runsOnGateway(row.document));
      if (rows.length === 0) return new Map();
      const standings = await this.standings.of(t, rows);
      const places = await this.gateways.places(t);
      const byId = new Map(places.map((place) => [place.id, place]));
      const wanted = gatewayIds.flatMap((id) => byId.get(id) ?? []);
      const limits = await this.limits.ofTenants(t, [...new Set(wanted.map(({ tenantId }) => tenantId))]);
      const delays = new Map(
        rows.map((row) => [
          row.id,
          delaysOf(
            row.document.trigger,
            places.filter((place) => actsOn(row, place)),
          ),
        ]),
      );
      return new Map(
        wanted.map((place) => [
          place.id,
          rows
            .filter((row) => actsOn(row, place))
            .map(({ id, revision, document }) => {
              const standing = standings.get(id)!;
              return {
                id,
                revision,
                document: JSON.stringify({ ...document, mode: effectiveMode(document, standing), ...needsOf(document) }),
                limits: onePersonLimits(limits.get(place.tenantId)!),
                isApproved: standing.approval.state === 'given',
                delaySeconds: delays.get(id)!.get(place.id) ?? 0,
              };
            }),
        ]),
      );
    });
  }
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
