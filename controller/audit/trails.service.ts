import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { exportAudit, verifyAudit } from '../../proto/http/audit.ts';
import { toSafeJson } from '../../proto/model/text.ts';
import { CLOCK, type Clock } from '../platform/clock.ts';
import { Database } from '../platform/database.ts';
import { SharedRuns } from '../platform/shared-runs.ts';
import { toSetting, type TenantScope } from '../platform/tenant-scope.ts';
import { AuditRepository } from './audit.repository.ts';
import { ChainWalk } from './chain-walk.ts';
import { CheckpointsRepository } from './checkpoints.repository.ts';
import { CheckpointsService } from './checkpoints.service.ts';
import { toHashed } from './entry-row.ts';
import { FORMATS } from './formats.ts';
import { AUDIT_KEY, type AuditKey } from './signature.ts';
import { pagesOf, type Span } from './spans.ts';
import type { Stub } from './stub.ts';
import { StubsRepository } from './stubs.repository.ts';
import { TrailWriter } from './trail.ts';

const BATCH = 500;
type Verdict = z.output<typeof verifyAudit.response>;

/** Reads chains from end to end, to verify or to export them. In batches, so that memory use does not depend on their length. */
@Injectable()
export class TrailsService {
  private readonly verifications = new SharedRuns<Verdict>();

  constructor(
    @Inject(AuditRepository) private readonly entries: AuditRepository,
    @Inject(CheckpointsRepository) private readonly checkpoints: CheckpointsRepository,
    @Inject(StubsRepository) private readonly stubs: StubsRepository,
    @Inject(CheckpointsService) private readonly heads: CheckpointsService,
    @Inject(Database) private readonly database: Database,
    @Inject(AUDIT_KEY) private readonly key: AuditKey,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Follows every chain in scope from its first entry to its head, and checks it against its checkpoints. */
  verify(scope: TenantScope): Promise<Verdict> {
    return this.verifications.run(toSetting(scope), () => this.verifyNow(scope));
  }

  /**
   * What the trail knows of the given entries: their hashes by `CHAIN SEQ`, and the stub that each of their chains begins with where older
   * entries were removed.
   */
  async known(entries: readonly { chain: string; seq: bigint }[]): Promise<{ hashes: Map<string, string>; stubs: Map<string, Stub> }> {
    const hashes = await this.entries.hashesOf('all', [...entries]);
    return {
      hashes,
      stubs: await this.database.transact('all', (t) =>
        this.stubs.newest(
          t,
          entries.map(({ chain }) => chain),
        ),
      ),
    };
  }

  /** The trail as text, line by line. NDJSON can be verified by anyone with the public key; the other formats are for reading. */
  async *export(scope: TenantScope, { format, from, to, tenant }: z.output<typeof exportAudit.query>): AsyncGenerator<string, void, void> {
    const { begin, line } = FORMATS[format];
    if (format === 'ndjson') await this.heads.make();
    const writer = new TrailWriter(this.key);
    if (begin !== undefined) yield `${begin}\n`;
    const stubs = await this.database.transact(scope, (t) => this.stubs.newest(t));
    for (const page of pagesOf(await this.spans(scope, stubs, from, to, tenant), BATCH)) {
      const entries = Map.groupBy(await this.entries.ofSpans(scope, page), ({ chain }) => chain);
      const marks = format === 'ndjson' ? await this.database.transact(scope, (t) => this.checkpoints.ofSpans(t, page)) : [];
      const marksByChain = Map.groupBy(marks, ({ chain }) => chain);
      for (const { chain, first } of page) {
        const stub = stubs.get(chain);
        if (format === 'ndjson' && stub?.seq === first - 1) yield `${writer.stub(stub)}\n`;
        for (const entry of entries.get(chain) ?? []) yield `${line ? line(entry) : toSafeJson(writer.entry(toHashed(entry)))}\n`;
        for (const checkpoint of marksByChain.get(chain) ?? []) yield `${writer.checkpoint(checkpoint)}\n`;
      }
    }
    if (format === 'ndjson') yield `${writer.end(new Date(this.clock()).toISOString())}\n`;
  }

  /** The span of each chain between these times, by chain name. */
  private async spans(scope: TenantScope, stubs: Map<string, Stub>, from?: string, to?: string, tenant?: string): Promise<Span[]> {
    const heads = await this.database.transact(scope, (t) => this.checkpoints.heads(t));
    const between = from === undefined && to === undefined ? undefined : await this.entries.spansBetween(scope, from, to, tenant);
    return heads
      .filter(({ tenantId }) => tenant === undefined || tenantId === tenant)
      .flatMap(({ chain, seq }) => {
        const span = between ? between.get(chain) : { first: (stubs.get(chain)?.seq ?? 0) + 1, last: seq };
        return span ? [{ chain, ...span }] : [];
      });
  }

  private async verifyNow(scope: TenantScope): Promise<Verdict> {
    const { heads, stubs } = await this.database.transact(scope, async (t) => ({
      heads: await this.checkpoints.heads(t),
      stubs: await this.stubs.newest(t),
    }));
    const names = await this.entries.tenantNames(scope);
    const walks = new Map(heads.map((head) => [head.chain, { head, walk: new ChainWalk(head, stubs.get(head.chain), this.key) }]));
    const spans = [...walks.values()].map(({ head, walk }) => ({ chain: head.chain, first: walk.first, last: head.seq }));
    for (const page of pagesOf(spans, BATCH)) {
      const wanted = page.filter(({ chain }) => !walks.get(chain)!.walk.isBroken);
      const entries = Map.groupBy(await this.entries.ofSpans(scope, wanted), ({ chain }) => chain);
      // The last entries of a chain come with later checkpoints, whose entries are outside the span.
      const named = wanted.map((span) =>
        span.last === walks.get(span.chain)!.head.seq ? { ...span, last: Number.MAX_SAFE_INTEGER } : span,
      );
      const marks = Map.groupBy(await this.database.transact(scope, (t) => this.checkpoints.ofSpans(t, named)), ({ chain }) => chain);
      for (const { chain } of wanted) walks.get(chain)!.walk.add((entries.get(chain) ?? []).map(toHashed), marks.get(chain) ?? []);
    }
    const chains = [...walks.values()].map(({ head, walk }) => ({
      ...walk.verdict(),
      tenantName: head.tenantId === null ? undefined : names.get(head.tenantId),
    }));
    return { checkedAt: new Date(this.clock()).toISOString(), isIntact: chains.every((chain) => chain.isIntact), chains };
  }
}
