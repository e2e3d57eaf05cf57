import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { PolicyChange } from '../../proto/model/policy/difference.ts';
import { CommandsRepository } from '../flushes/commands.repository.ts';
import type { Caller } from '../platform/caller.ts';
import { Database, isUniqueViolation } from '../platform/database.ts';
import { notThere } from '../platform/not-there.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import type { KeptChange } from './rollout-part.ts';
import { toRolloutView, type RolloutRow } from './rollout-view.ts';
import { RolloutsRepository } from './rollouts.repository.ts';
import { RolloutsService } from './rollouts.service.ts';

/** Takes back what a roll-out put in force, where it still is: a roll-out of its own, under the same protection. */
@Injectable()
export class RolloutUndo {
  constructor(
    @Inject(RolloutsRepository) private readonly rollouts: RolloutsRepository,
    @Inject(RolloutsService) private readonly service: RolloutsService,
    @Inject(CommandsRepository) private readonly commands: CommandsRepository,
    @Inject(Database) private readonly database: Database,
  ) {}

  /**
   * Begins it and returns its id. It needs no second person, as an undo of a flush does not: gateways go back to what they were. Throws
   * NOT_FOUND, INVALID_REQUEST for an undo, FLUSH_RUNNING, PLAN_EMPTY if no gateway kept the policy, PLAN_EXPIRED, PLAN_ALREADY_RUN for a
   * second undo.
   */
  async undo(caller: Caller, scope: TenantScope, id: string): Promise<string> {
    return this.database
      .transact(
        scope,
        async (t) => {
          const { row, targets } = undoable(await this.rollouts.find(t, id));
          const commands = new Map((await this.commands.ofFlush(t, id)).map((command) => [command.gatewayId, command.id]));
          const changes = await this.rollouts.changes(t, id);
          const { plan, policyId, policyName: name, policyRevision: revision, withWaves: waves } = row;
          return this.service.store(t, caller, {
            kind: 'undo',
            undoes: id,
            policy: { id: policyId, name, revision },
            body: { reason: plan.reason, ticket: plan.ticket ?? undefined, withinSeconds: plan.forSeconds ?? 0, waves },
            whyApproval: undefined,
            needsSignature: false,
            parts: targets.map((gateway) => {
              const [undoOf, change] = [commands.get(gateway.gatewayId), changes.get(gateway.gatewayId)];
              if (undoOf === undefined || !change)
                throw new FleetError(
                  'PLAN_EXPIRED',
                  'The commands of this roll-out are past the time for which they are kept, so it cannot be undone.',
                );
              const { tags: _, planId: __, ...part } = gateway;
              const digest = new Uint8Array(createHash('sha256').update(undoOf).digest());
              return { gateway: { ...part, digest, chunks: [] }, kept: { document: null, undoOf, change: reversed(change) } };
            }),
          });
        },
        { timeoutMs: 60_000 },
      )
      .catch((error: unknown) => {
        throw isUniqueViolation(error)
          ? new FleetError('PLAN_ALREADY_RUN', 'This roll-out has already been undone. It can be undone only once.', {}, { cause: error })
          : error;
      });
  }
}

/** The gateways that keep what it put in force, as far as is known here. */
function undoable(row: RolloutRow | undefined): { row: RolloutRow; targets: RolloutRow['plan']['gateways'] } {
  if (!row) throw notThere('roll-out');
  if (row.kind === 'undo') throw new FleetError('INVALID_REQUEST', 'An undo cannot be undone. Roll the policy out again instead.');
  if (row.plan.flush?.state === 'running')
    throw new FleetError('FLUSH_RUNNING', 'This roll-out is still running. Cancel it first, or wait for it to finish.');
  const kept = new Set(
    toRolloutView(row, new Date(0))
      .targets.filter(({ state }) => state === 'confirmed')
      .map(({ gatewayId }) => gatewayId),
  );
  const targets = row.plan.gateways.filter(({ gatewayId }) => kept.has(gatewayId));
  if (targets.length === 0)
    throw new FleetError('PLAN_EMPTY', 'No gateway kept what this roll-out put in force; there is nothing to undo.');
  return { row, targets };
}

/** The way back, as it is shown: what was set goes to what it was. Values that the kernel did not have cannot have been set. */
function reversed({ difference, ...rest }: KeptChange): KeptChange {
  const changes = difference.changes.filter(({ verdict }) => verdict.kind === 'set').map(turned);
  return { ...rest, difference: { changes, isReordered: difference.isReordered, strange: [] } };
}

function turned(change: PolicyChange): PolicyChange {
  switch (change.on) {
    case 'setting':
      return { ...change, from: change.to, to: change.from ?? change.to };
    case 'helper':
      return { ...change, from: change.to, to: change.from };
    case 'rule': {
      const { from: to, to: from, ...rest } = change;
      return { ...rest, ...(from && { from }), ...(to && { to }) };
    }
  }
}
