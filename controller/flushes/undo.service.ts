import { Inject, Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { Caller } from '../platform/caller.ts';
import { AuditService, toActor } from '../audit/audit.service.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { CONFIG, type Config } from '../platform/config.ts';
import { Database, isUniqueViolation } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { ReplicaNotifications } from '../platform/replica-notifications.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { counted } from '../platform/plural.ts';
import { CommandIssueService } from './issue.service.ts';
import type { FlushRow } from './flush-view.ts';
import { FlushesRepository } from './flushes.repository.ts';
import { DEFAULT_LIMITS, mayEnd } from '../plans/may-end.ts';
import { notThere } from '../platform/not-there.ts';
import { FLUSH_CHANGED, WORK_WAITING } from './notifications.ts';

/** Undo: a flush of its own kind that restores what another flush deleted, on the gateways that still keep it. */
@Injectable()
export class UndoService {
  constructor(
    @Inject(FlushesRepository) private readonly flushes: FlushesRepository,
    @Inject(CommandIssueService) private readonly commands: CommandIssueService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(ReplicaNotifications) private readonly notifications: ReplicaNotifications,
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Begins the undo of a flush and returns the id of the new one. All its gateways begin at once: every wait prolongs an outage. Throws
   * NOT_FOUND, FLUSH_RUNNING, PLAN_EXPIRED if no gateway still keeps what it deleted, PLAN_ALREADY_RUN for a second undo.
   */
  async undo(caller: Caller, scope: TenantScope, id: string): Promise<string> {
    const now = new Date(this.clock());
    const undoId = newId();
    await this.database
      .transact(
        scope,
        async (t) => {
          const { row, targets } = undoable(await this.flushes.find(t, id, 'flows'), now);
          const verdict = mayEnd({ kind: 'undo' }, () => DEFAULT_LIMITS);
          if (verdict.kind !== 'free') throw new FleetError('APPROVAL_NEEDED', `This undo needs a second person: ${verdict.why}.`);
          const tenantIds = [...new Set(targets.map((target) => target.tenantId))].toSorted();
          const lastMoment = Math.max(...targets.map((target) => target.undoUntil.getTime()));
          const notAfter = new Date(Math.min(now.getTime() + this.config.commandTtlMs, lastMoment));
          await this.flushes.insert(
            t,
            {
              id: undoId,
              planId: row.planId,
              kind: 'undo',
              tenantIds,
              state: 'running',
              startedAt: now,
              finishedAt: null,
              notAfter,
              createdById: caller.id,
              createdByName: caller.name,
              wave: 1,
              waves: 1,
              stoppedBy: null,
              stopReason: null,
            },
            targets.map(({ gatewayId, tenantId, gatewayName, position, planned }) => ({
              gatewayId,
              tenantId,
              gatewayName,
              position,
              planned,
              wave: 1,
            })),
          );
          for (const tenantId of tenantIds) {
            const own = targets.filter((target) => target.tenantId === tenantId);
            this.audit.record(t, {
              tenantId,
              actor: toActor(caller),
              action: 'flush.undo-started',
              outcome: 'ok',
              planId: row.planId,
              flushId: undoId,
              reason: row.plan.reason,
              ticket: row.plan.ticket ?? undefined,
              summary: `${caller.name} began to put back ${whatIsPutBack(own)} on ${counted(own.length, 'gateway')}`,
              detail: { undoes: id, gatewayIds: own.map((target) => target.gatewayId) },
            });
          }
          await this.commands.issueUndos(t, { id: undoId }, row, targets, { notAfter, now });
          await this.flushes.settle(t, undoId, now);
          for (const flushId of [id, undoId]) await this.notifications.send(t, FLUSH_CHANGED, flushId);
          await this.notifications.send(t, WORK_WAITING);
        },
        { timeoutMs: 60_000 },
      )
      .catch((error: unknown) => {
        throw isUniqueViolation(error)
          ? new FleetError('PLAN_ALREADY_RUN', 'This flush has already been undone. A flush can be undone only once.', {}, { cause: error })
          : error;
      });
    return undoId;
  }
}

type UndoableTarget = FlushRow['targets'][number] & { undoUntil: Date };

/** If a gateway was interrupted, nobody can tell which flows it ended; those are restored as well, and mentioned. */
function whatIsPutBack(targets: readonly UndoableTarget[]): string {
  const ended = targets.reduce((sum, target) => sum + target.deleted + target.reappeared, 0);
  const perhaps = targets.reduce((sum, target) => sum + target.indeterminate, 0);
  return `${counted(ended + perhaps, 'flow')}${perhaps > 0 ? `, of which ${perhaps} may have ended otherwise,` : ''}`;
}

/** The targets that still keep what they deleted. */
function undoable(row: FlushRow | undefined, now: Date): { row: FlushRow; targets: UndoableTarget[] } {
  if (!row) throw notThere('flush');
  if (row.kind === 'undo') throw new FleetError('INVALID_REQUEST', 'An undo cannot be undone. Plan a flush instead.');
  if (row.state === 'running')
    throw new FleetError('FLUSH_RUNNING', 'This flush is still running. Cancel it first, or wait for it to finish.');
  const targets = row.targets.filter((target): target is UndoableTarget => target.undoUntil !== null && target.undoUntil > now);
  if (targets.length === 0)
    throw new FleetError('PLAN_EXPIRED', 'No gateway still holds what this flush deleted, so it cannot be restored.');
  return { row, targets };
}
