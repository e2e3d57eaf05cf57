import { Inject, Injectable } from '@nestjs/common';
import type { AuditCheckpoint } from '../../proto/gen/ctfleet/v1/link.ts';
import { AuditService } from '../audit/audit.service.ts';
import { SYSTEM_CHAIN } from '../audit/chain.ts';
import { toWireCheckpoint } from '../audit/checkpoint.ts';
import { CheckpointsService } from '../audit/checkpoints.service.ts';
import { TrailsService } from '../audit/trails.service.ts';
import { LOGGER, type Logger } from '../platform/logger.ts';
import { textFrom } from '../platform/untrusted.ts';

/** Agents keep the heads of the audit chains; what they kept is checked against the chains. */
@Injectable()
export class WitnessService {
  constructor(
    @Inject(CheckpointsService) private readonly checkpoints: CheckpointsService,
    @Inject(TrailsService) private readonly trails: TrailsService,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** What agents should witness: the newest checkpoints of these chains. */
  async forAgents(chains: string[]): Promise<AuditCheckpoint[]> {
    return (await this.checkpoints.ofChains(chains)).map(toWireCheckpoint);
  }

  /**
   * Checks what an agent kept against our chains. A mismatch is logged as an error and recorded in the audit trail, once for all of it:
   * either somebody has changed the past, or the agent lies.
   */
  async judge(gateway: Gateway, witnessed: readonly AuditCheckpoint[]): Promise<void> {
    await this.judgeAll([{ gateway, witnessed }]);
  }

  /** The same for many, whose heads are mostly the same. */
  async judgeAll(all: readonly Witnessed[]): Promise<void> {
    const own = all.map(({ gateway: { tenantId }, witnessed }) => ownOf(tenantId, witnessed));
    const unique = new Map(own.flat().map(({ chain, seq }) => [`${chain} ${seq}`, { chain, seq }]));
    if (unique.size === 0) return;
    const known = await this.trails.known([...unique.values()]);
    for (const [index, { gateway }] of all.entries()) await this.compare(gateway, own[index]!, known);
  }

  private async compare(gateway: Gateway, own: readonly AuditCheckpoint[], { hashes, stubs }: KnownEntries): Promise<void> {
    // Entries removed by retention cannot be compared; the last of them is known by its stub.
    const isPast = ({ chain, seq, hash }: AuditCheckpoint): boolean => {
      const stub = stubs.get(chain);
      return stub !== undefined && (seq < stub.seq || (seq === BigInt(stub.seq) && hash === stub.hash));
    };
    const contradictions = own.filter((one) => hashes.get(`${one.chain} ${one.seq}`) !== one.hash && !isPast(one));
    const [first] = contradictions;
    if (!first) return;
    const { chain, seq, hash } = first;
    const found = hashes.get(`${chain} ${seq}`);
    const why = found === undefined ? `entry ${seq} is gone` : `entry ${seq} is not the one that was witnessed`;
    this.logger.error(
      { gateway: gateway.gatewayId, chain, seq: String(seq), contradictions: contradictions.length },
      `the audit chain does not match a witness: ${why}`,
    );
    await this.audit.recordOften(
      {
        tenantId: gateway.tenantId,
        actor: { kind: 'system', id: 'controller', name: 'ctfleet' },
        action: 'audit.contradicted',
        outcome: 'failed',
        gatewayId: gateway.gatewayId,
        summary: `The audit chain does not match what a gateway witnessed: ${why}`,
        detail: { chain, seq: String(seq), witnessed: textFrom(hash, 64), found: found ?? null, contradictions: contradictions.length },
      },
      gateway.gatewayId,
    );
  }
}

interface Gateway {
  gatewayId: string;
  tenantId: string;
}

/** The heads that an agent has kept. */
export interface Witnessed {
  gateway: Gateway;
  witnessed: readonly AuditCheckpoint[];
}

type KnownEntries = Awaited<ReturnType<TrailsService['known']>>;

/** Those that an agent of the tenant may have kept. */
function ownOf(tenantId: string, witnessed: readonly AuditCheckpoint[]): AuditCheckpoint[] {
  return witnessed
    .slice(-2 * MAX_WITNESSED)
    .filter(({ chain, seq }) => isWitnessedBy(tenantId, chain) && seq <= MAX_SEQ)
    .slice(-MAX_WITNESSED);
}

/** As many as an agent keeps heads of two chains; the rest of a longer list is ignored. */
const MAX_WITNESSED = 64;
/** No chain is this long. */
const MAX_SEQ = BigInt(Number.MAX_SAFE_INTEGER);

/** True if agents of the tenant keep heads of the chain: those of their tenant and of the system. */
export function isWitnessedBy(tenantId: string, chain: string): boolean {
  return chain === tenantId || chain === SYSTEM_CHAIN;
}
