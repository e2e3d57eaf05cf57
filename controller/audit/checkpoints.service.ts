import { Inject, Injectable } from '@nestjs/common';
import type { AuditCheckpoint } from '../../proto/gen/ctfleet/v1/link.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { Notices } from '../platform/notices.ts';
import type { TenantScope } from '../platform/tenant-scope.ts';
import { textFrom } from '../platform/untrusted.ts';
import { AuditRepository } from './audit.repository.ts';
import { AuditService } from './audit.service.ts';
import { SYSTEM_CHAIN } from './chain.ts';
import { checkpointOf, toWireCheckpoint, type Checkpoint } from './checkpoint.ts';
import { CheckpointsRepository } from './checkpoints.repository.ts';
import { AUDIT_KEY, type AuditKey } from './signature.ts';
import { StubsRepository } from './stubs.repository.ts';

/** Signs the heads of the chains, gives them to agents to witness, and holds against the chains what agents have witnessed. */
@Injectable()
export class CheckpointsService {
  constructor(
    @Inject(CheckpointsRepository) private readonly checkpoints: CheckpointsRepository,
    @Inject(AuditRepository) private readonly entries: AuditRepository,
    @Inject(StubsRepository) private readonly stubs: StubsRepository,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Database) private readonly database: Database,
    @Inject(AUDIT_KEY) private readonly key: AuditKey,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Signs each chain that has grown since its last checkpoint, and has agents told. */
  async make(): Promise<void> {
    const at = new Date(this.clock()).toISOString();
    await this.database.transact('all', async (t) => {
      for (const { tenantId, ...head } of await this.checkpoints.grown(t)) {
        await this.checkpoints.insert(t, checkpointOf({ ...head, at }, this.key), tenantId);
        await this.notices.send(t, 'checkpoint', head.chain);
      }
    });
  }

  /** The newest checkpoints in scope, and the key that they were signed with. */
  async newest(scope: TenantScope): Promise<{ publicKey: string; keyId: string; items: Checkpoint[] }> {
    const items = await this.database.transact(scope, (t) => this.checkpoints.newest(t));
    return { publicKey: this.key.publicPem, keyId: this.key.id, items };
  }

  /** What agents are to witness: the newest checkpoints of these chains. */
  async forAgents(chains: string[]): Promise<AuditCheckpoint[]> {
    return (await this.database.transact('all', (t) => this.checkpoints.newest(t, chains))).map(toWireCheckpoint);
  }

  /**
   * Holds what an agent kept against our chains. What does not fit is logged as an error and put on record, once for all of it: somebody has
   * changed the past, or an agent lies.
   */
  async judge(gateway: { gatewayId: string; tenantId: string }, witnessed: readonly AuditCheckpoint[]): Promise<void> {
    const own = witnessed.slice(-2 * MOST_WITNESSED).filter(({ chain, seq }) => isWitnessedBy(gateway.tenantId, chain) && seq <= MAX_SEQ).slice(-MOST_WITNESSED);
    const known = await this.entries.hashesOf('all', own);
    const stubs = await this.database.transact('all', (t) => this.stubs.newest(t, own.map(({ chain }) => chain)));
    // What went past its time is not there to be compared; the last of it is known by its stub.
    const isPast = ({ chain, seq, hash }: AuditCheckpoint): boolean => {
      const stub = stubs.get(chain);
      return stub !== undefined && (seq < stub.seq || (seq === BigInt(stub.seq) && hash === stub.hash));
    };
    const contradictions = own.filter((one) => known.get(`${one.chain} ${one.seq}`) !== one.hash && !isPast(one));
    const [first] = contradictions;
    if (!first) return;
    const { chain, seq, hash } = first;
    const found = known.get(`${chain} ${seq}`);
    const why = found === undefined ? `entry ${seq} is gone` : `entry ${seq} is not the one that was witnessed`;
    this.logger.error({ gateway: gateway.gatewayId, chain, seq: String(seq), contradictions: contradictions.length }, `the audit chain does not agree with a witness: ${why}`);
    await this.audit.recordOften({
      tenantId: gateway.tenantId, actor: { kind: 'system', id: 'controller', name: 'ctfleet' }, action: 'audit.contradicted', outcome: 'failed', gatewayId: gateway.gatewayId,
      summary: `The audit chain does not agree with what a gateway witnessed: ${why}`, detail: { chain, seq: String(seq), witnessed: textFrom(hash, 64), found: found ?? null, contradictions: contradictions.length },
    }, gateway.gatewayId);
  }
}

/** As many heads of two chains as an agent keeps; one that sends more is not asked about the rest. */
const MOST_WITNESSED = 64;
/** No chain is as long. */
const MAX_SEQ = BigInt(Number.MAX_SAFE_INTEGER);

/** True if agents of the tenant keep heads of the chain: those of their tenant and of the system. */
export function isWitnessedBy(tenantId: string, chain: string): boolean {
  return chain === tenantId || chain === SYSTEM_CHAIN;
}
