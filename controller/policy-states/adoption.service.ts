import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { adoptPolicy } from '../../proto/http/policy-states.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { adoptedPolicy } from '../../proto/model/policy/adopt.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import { GatewaysRepository } from '../gateways/gateways.repository.ts';
import { Database } from '../platform/database.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { GatewayReadings } from '../policies/gateway-readings.service.ts';
import { PolicyStatesRepository } from './policy-states.repository.ts';

const CODES = { offline: 'GATEWAY_OFFLINE', slow: 'GATEWAY_SLOW', failed: 'CAPABILITY_MISSING' } as const;

/** A good gateway as a policy. */
@Injectable()
export class Adoption {
  constructor(
    @Inject(PolicyStatesRepository) private readonly states: PolicyStatesRepository,
    @Inject(GatewaysRepository) private readonly gateways: GatewaysRepository,
    @Inject(GatewayReadings) private readonly readings: GatewayReadings,
    @Inject(Database) private readonly database: Database,
  ) {}

  /**
   * As the gateway is set at the moment of the call. Throws NOT_FOUND; GATEWAY_OFFLINE, GATEWAY_SLOW and CAPABILITY_MISSING with why it
   * does not tell.
   */
  async of(scope: TenantScope, gatewayId: string, signal: AbortSignal): Promise<z.output<typeof adoptPolicy.response>> {
    const { row, drift } = await this.database.transact(scope, async (t) => ({
      row: await this.gateways.find(t, gatewayId),
      drift: (await this.states.drift(t, [gatewayId])).get(gatewayId) ?? [],
    }));
    if (!row) throw new FleetError('NOT_FOUND', 'There is no such gateway.');
    const read = await this.readings.read(row, signal);
    if (!('reading' in read)) throw new FleetError(CODES[read.state], `${row.name} cannot be read: ${read.reason}.`);
    const { document, notes } = adoptedPolicy(row.name, read.reading);
    return {
      document: writePolicy(document),
      readAt: read.at.toISOString(),
      notes,
      drifted: drift.filter(({ state }) => state !== 'over').map(({ path }) => path),
    };
  }
}
