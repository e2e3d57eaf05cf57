import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { SampleBatch } from '../../proto/gen/ctfleet/v1/link.ts';
import { Ingest, type Follower } from '../history/ingest.service.ts';
import type { SampleRow } from '../history/sample-row.ts';
import type { Session } from '../link/session.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import type { Transaction } from '../platform/database.ts';
import { newId } from '../platform/ids.ts';
import { AlertStatesRepository } from './alert-states.repository.ts';
import { AlertWriter } from './alert-writer.service.ts';
import { findingsOf } from './judging/findings.ts';
import type { GatewayMemory } from './judging/gateway-memory.ts';
import { judgeSamples, type Judged } from './judging/judge-samples.ts';
import type { JudgedSample } from './judging/sample-context.ts';
import { RulesInForceService } from './rules-in-force.service.ts';

/** Samples of one session that are stored and judged in this run. */
interface Batch {
  session: Session;
  samples: JudgedSample[];
  /** What is remembered once the run has committed. */
  memory?: GatewayMemory;
}

/**
 * Judges samples in the transaction that stores them. What a session’s samples have come to is remembered with the session, so that a run
 * in which nothing changes costs no statement; it is read where nothing is remembered, and written where it changes, on top of the version
 * that it was judged from. Of two replicas that judge the same samples, the later one fails, forgets, and finds them judged.
 */
@Injectable()
export class SamplesJudge implements Follower<Batch>, OnModuleInit {
  private readonly remembered = new WeakMap<Session, GatewayMemory>();

  constructor(
    @Inject(Ingest) private readonly ingest: Ingest,
    @Inject(AlertStatesRepository) private readonly states: AlertStatesRepository,
    @Inject(AlertWriter) private readonly writer: AlertWriter,
    @Inject(RulesInForceService) private readonly rules: RulesInForceService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.ingest.follow(this);
  }

  read(session: Session, _batch: SampleBatch, rows: SampleRow[]): Batch | undefined {
    if (rows.length === 0) return undefined;
    const samples = rows.map(({ at, numbers, breakdown }): JudgedSample => ({
      atMs: Date.parse(at),
      numbers,
      ...(breakdown && { breakdown }),
    }));
    return { session, samples: samples.toSorted((a, b) => a.atMs - b.atMs) };
  }

  async store(t: Transaction, batches: Batch[]): Promise<void> {
    const nowMs = this.clock();
    const inForce = await this.rules.now(batches.map(({ session }) => session.identity.gatewayId));
    const loaded = await this.load(t, batches);
    const changed: { gatewayId: string; tenantId: string; judged: Judged }[] = [];
    for (const batch of batches) {
      const { gatewayId, tenantId } = batch.session.identity;
      const place = inForce.places.get(gatewayId);
      const before = this.remembered.get(batch.session) ?? loaded.get(gatewayId)!;
      const gateway = { id: gatewayId, name: place?.name ?? gatewayId };
      const judged = judgeSamples(before, batch.samples, { gateway, rules: inForce.of(gatewayId), nowMs, newId });
      batch.memory = judged.memory;
      if (judged.memory.version !== before.version) changed.push({ gatewayId, tenantId, judged });
    }
    if (changed.length === 0) return;
    await this.save(t, changed, batches);
    const findings = changed.map(({ gatewayId, tenantId, judged }) =>
      findingsOf(judged.changes, { gatewayId, tenantId, siteId: inForce.places.get(gatewayId)?.siteId }),
    );
    await this.writer.write(
      t,
      {
        found: findings.flatMap(({ found }) => found),
        cleared: findings.flatMap(({ cleared }) => cleared),
        withdrawn: findings.flatMap(({ withdrawn }) => withdrawn),
      },
      inForce,
      nowMs,
    );
  }

  stored(batches: Batch[]): void {
    for (const { session, memory } of batches) if (memory) this.remembered.set(session, memory);
  }

  private async load(t: Transaction, batches: Batch[]): Promise<Map<string, GatewayMemory>> {
    const unknown = batches.filter(({ session }) => !this.remembered.has(session));
    if (unknown.length === 0) return new Map();
    return this.states.load(
      t,
      unknown.map(({ session, samples }) => ({
        gatewayId: session.identity.gatewayId,
        firstMs: samples[0]!.atMs,
        lastMs: samples.at(-1)!.atMs,
      })),
    );
  }

  /** Throws if another replica has judged since; the run is then tried again, from what that one wrote. */
  private async save(t: Transaction, changed: { gatewayId: string; tenantId: string; judged: Judged }[], batches: Batch[]): Promise<void> {
    const overtaken = await this.states.save(
      t,
      changed.map(({ gatewayId, tenantId, judged }) => ({ gatewayId, tenantId, memory: judged.memory })),
    );
    if (overtaken.length === 0) return;
    for (const { session } of batches) if (overtaken.includes(session.identity.gatewayId)) this.remembered.delete(session);
    throw new Error('another replica has judged samples of the same gateways; they are judged again');
  }
}
