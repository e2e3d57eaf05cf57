import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { RefusedPackets, type StandingBlocks } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { Block as BlockView, listBlocks } from '../../proto/http/blocks.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { counterFrom, int32From, textFrom, timeFrom } from '../platform/untrusted.ts';
import { counted } from '../platform/plural.ts';
import { toBlockView } from './block-view.ts';
import { BlocksRepository, type SaidBlock } from './blocks.repository.ts';
import { notThere } from '../platform/not-there.ts';
import { GATEWAY_CHANGED } from '../link/notifications.ts';
import { BLOCK_LIFTED } from './notifications.ts';

/** Blocks of one gateway; an agent starts no more than this. */
const MAX_OF_GATEWAY = 100;
const MAX_NAME = 64;

/** What is blocked on gateways: as they report it, and lifted by anyone who may run plans there. */
@Injectable()
export class BlocksService {
  constructor(
    @Inject(BlocksRepository) private readonly blocks: BlocksRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Takes the blocks that a gateway reports. Returns the names of those that it has to lift. */
  async take({ gatewayId, tenantId }: GatewayIdentity, { blocks }: StandingBlocks): Promise<string[]> {
    const nowMs = this.clock();
    const said = new Map(
      blocks.slice(0, MAX_OF_GATEWAY).flatMap((block): [string, SaidBlock][] => {
        const name = textFrom(block.id, MAX_NAME);
        const [since, until] = [timeFrom(block.sinceMs, nowMs), timeFrom(block.untilMs, nowMs)];
        if (!block.refused || !since || !until) return [];
        return [
          [
            name,
            {
              name,
              refused: new Uint8Array(RefusedPackets.encode(block.refused).finish()),
              flows: int32From(block.flows),
              packetsRefused: BigInt(counterFrom(block.packetsRefused)),
              since,
              until,
            },
          ],
        ];
      }),
    );
    return this.database.transact(new Set([tenantId]), async (t) => {
      const toLift = await this.blocks.replace(t, { gatewayId, tenantId }, [...said.values()], new Date(nowMs));
      await this.notifications.send(t, GATEWAY_CHANGED, gatewayId);
      return toLift;
    });
  }

  /** The names of each gateway's blocks that it still has to lift. */
  async toLift(gateways: readonly GatewayIdentity[]): Promise<string[][]> {
    return this.database.transact(new Set(gateways.map(({ tenantId }) => tenantId)), async (t) => {
      const ids = gateways.map(({ gatewayId }) => gatewayId);
      const rows = Map.groupBy(await this.blocks.toLift(t, ids), ({ gatewayId }) => gatewayId);
      return ids.map((id) => (rows.get(id) ?? []).map(({ name }) => name));
    });
  }

  async list(scope: TenantScope, query: z.output<NonNullable<typeof listBlocks.query>>): Promise<z.output<typeof listBlocks.response>> {
    const rows = await this.database.transact(scope, (t) => this.blocks.list(t, query, new Date(this.clock())));
    return { items: rows.map(toBlockView) };
  }

  /** Makes a gateway end a block early; idempotent. Throws NOT_FOUND, and BLOCK_OVER if the block has already ended. */
  async lift(caller: Caller, scope: TenantScope, id: string): Promise<BlockView> {
    return this.database.transact(scope, async (t) => {
      const block = await this.blocks.lock(t, id);
      if (!block) throw notThere('block');
      if (block.overAt !== null || block.until.getTime() <= this.clock())
        throw new FleetError('BLOCK_OVER', 'This block has already ended; there is nothing to lift.');
      if (block.liftedBy !== null) return toBlockView(block);
      const lifted = toBlockView(await this.blocks.lift(t, id, caller.name));
      this.audit.record(t, {
        tenantId: block.tenantId,
        actor: toActor(caller),
        action: 'block.lifted',
        outcome: 'ok',
        flushId: block.flushId ?? undefined,
        gatewayId: block.gatewayId,
        gatewayName: block.gatewayName,
        summary: `${caller.name} lifted a block on ${block.gatewayName} early, after ${counted(Number(block.packetsRefused), 'packet')} refused: ${lifted.refused.words}`,
        detail: {
          blockId: id,
          refused: lifted.refused,
          begunBy: block.begunBy,
          since: lifted.since,
          until: lifted.until,
          packetsRefused: lifted.packetsRefused,
        },
      });
      await this.notifications.send(t, BLOCK_LIFTED, block.gatewayId);
      await this.notifications.send(t, GATEWAY_CHANGED, block.gatewayId);
      return lifted;
    });
  }
}
