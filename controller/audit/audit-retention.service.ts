import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { AuditService } from './audit.service.ts';
import { AUDIT_KEY, type AuditKey } from './signature.ts';
import { stubOf } from './stub.ts';
import { StubsRepository } from './stubs.repository.ts';

const AT_ONCE = 5000;

/** Removes old entries from the beginning of chains. The remaining entries follow on a signed stub, so the chain still verifies. */
@Injectable()
export class AuditRetentionService {
  constructor(
    @Inject(StubsRepository) private readonly stubs: StubsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Database) private readonly database: Database,
    @Inject(AUDIT_KEY) private readonly key: AuditKey,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Removes entries older than `before`, one part of each chain per transaction, and records the removal in the chain itself. */
  async dropBefore(before: Date): Promise<void> {
    while (await this.dropSome(before)) /* the next ones */ ;
  }

  private async dropSome(before: Date): Promise<boolean> {
    const at = new Date(this.clock()).toISOString();
    return this.database.transact(
      'all',
      async (t) => {
        const old = await this.stubs.old(t, before, AT_ONCE);
        const dropped: number[] = [];
        for (const { tenantId: _, ...last } of old) dropped.push(await this.stubs.drop(t, stubOf({ ...last, at }, this.key)));
        for (const [index, { tenantId, seq }] of old.entries())
          this.audit.record(t, {
            tenantId: tenantId ?? undefined,
            actor: { kind: 'system', id: 'controller', name: 'ctfleet' },
            action: 'audit.shortened',
            outcome: 'ok',
            summary: `Entries up to ${seq} were removed: they are past the retention time of the audit trail`,
            detail: { upTo: seq, entries: dropped[index], olderThan: before.toISOString() },
          });
        return dropped.some((entries) => entries >= AT_ONCE);
      },
      { timeoutMs: 100_000, hasLongStatements: true },
    );
  }
}
